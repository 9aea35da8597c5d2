import type { DispatchWindow } from "../src/domain/dispatch-window.ts";

/** A window that learns nothing. */
export function fixedWindow(size: number): DispatchWindow {
  return { size: () => size, isFull: () => false, mayBeWaitedFor: () => true, look() {}, learn() {} };
}
