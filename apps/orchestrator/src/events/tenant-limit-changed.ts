import { defineEvent } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";

/** A raised limit releases waiting runs at once. */
export const tenantLimitChanged = defineEvent({
  name: "tenant-limit-changed",
  payload: z.object({ id: z.uuid(), max_concurrent_runs: z.int() }),
  async run(_event, deps: Deps) {
    deps.dispatchSignal.wake();
  },
});
