import { defineEvent } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";

/** The mail of an invitation waits in the outbox already; this wakes a loop that missed the database's own notice. */
export const invitationCreated = defineEvent({
  name: "invitation-created",
  payload: z.object({ id: z.uuid() }),
  async run(_event, deps: Deps) {
    deps.mailSignal.wake();
  },
});
