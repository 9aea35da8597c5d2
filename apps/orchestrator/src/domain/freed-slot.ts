import { isHeld, type RunStatus } from "@control-plane/runs";
import type { Deps } from "../deps.ts";

/**
 * After events: a run that is held no more frees a slot, which is worth a pass where somebody waits for it; one that goes
 * back to PENDING waits itself.
 */
export function tellFreedSlot(deps: Pick<Deps, "dispatchSignal" | "dispatchWindow">, status: RunStatus): void {
  if (isHeld(status)) return;
  if (status === "PENDING" || deps.dispatchWindow.mayBeWaitedFor()) deps.dispatchSignal.wake();
}
