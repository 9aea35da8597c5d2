import { type Loop, startIntervalLoop } from "@control-plane/service-kit";
import { type SweepDeps, sweepPass } from "../domain/sweep-pass.ts";

export function startSweepLoop(deps: SweepDeps, intervalMs: number): Loop {
  return startIntervalLoop({ name: "sweep", intervalMs, pass: () => sweepPass(deps), log: deps.log });
}
