import { type Loop, startIntervalLoop } from "@control-plane/service-kit";
import { type BuryDeps, buryFailedEvents } from "../domain/bury-failed-events.ts";

export function startBuryLoop(deps: BuryDeps, intervalMs: number): Loop {
  return startIntervalLoop({ name: "bury", intervalMs, pass: () => buryFailedEvents(deps), log: deps.log });
}
