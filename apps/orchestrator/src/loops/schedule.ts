import { type Loop, startIntervalLoop } from "@control-plane/service-kit";
import { type ScheduleDeps, scheduleNow } from "../domain/schedule-pass.ts";

export function startScheduleLoop(deps: ScheduleDeps, intervalMs: number): Loop {
  return startIntervalLoop({ name: "schedule", intervalMs, pass: () => scheduleNow(deps), log: deps.log });
}
