import { cancelRun as cancel } from "@control-plane/runs";
import { type Caller, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";

export const cancelRun = defineAction({
  name: "cancelRun",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({ runId: z.uuid() }),
  output: z.object({ outcome: z.enum(["CANCELLED", "CANCELLING", "ALREADY_TERMINAL"]), status: z.string() }),
  async run({ runId }, { caller, deps }: { caller: Caller; deps: Deps }) {
    const outcome = await cancel(deps.db, caller, runId);
    if (outcome.outcome === "CANCELLED") deps.dispatchSignal.wake();
    return outcome;
  },
});
