import { type Loop, startIntervalLoop } from "@control-plane/service-kit";
import type { Deps } from "../deps.ts";
import { type DispatchDeps, dispatchPass } from "../domain/dispatch-pass.ts";

/** A claim or an end a moment after a pass is worth no pass of its own. */
const REST_MS = 20;

/** Dispatches each `intervalMs` and whenever somebody in this process says there is work. */
export function startDispatchLoop(deps: DispatchDeps & Pick<Deps, "dispatchSignal">, intervalMs: number): Loop {
  const loop = startIntervalLoop({
    name: "dispatch",
    intervalMs,
    restMs: REST_MS,
    pass: () => dispatchPass(deps),
    log: deps.log,
  });
  const unsubscribe = deps.dispatchSignal.subscribe(loop.wake);
  return {
    async stop() {
      unsubscribe();
      await loop.stop();
    },
  };
}
