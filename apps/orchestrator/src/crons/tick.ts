import { defineCron } from "@control-plane/service-kit";
import type { Deps } from "../deps.ts";
import { buryFailedEvents } from "../domain/bury-failed-events.ts";
import { dispatchPass } from "../domain/dispatch-pass.ts";
import { scheduleNow } from "../domain/schedule-pass.ts";
import { sweepPass } from "../domain/sweep-pass.ts";

/** One pass of everything, in case the loops of every replica sleep. */
export const tick = defineCron({
  name: "tick",
  async run(_tick, deps: Deps) {
    await scheduleNow(deps);
    await sweepPass(deps);
    await dispatchPass(deps);
    await buryFailedEvents(deps);
  },
});
