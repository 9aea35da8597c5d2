import { type Logger, type Loop, startIntervalLoop } from "@control-plane/service-kit";
import type { Rejections } from "../domain/rejections.ts";

const FLUSH_MS = 10_000;

/** Writes counted refusals now and then, and once more at the end. */
export function startFlushingRejections(deps: { rejections: Rejections; log: Logger }): Loop {
  const loop = startIntervalLoop({
    name: "flush-rejections",
    intervalMs: FLUSH_MS,
    pass: () => deps.rejections.flush(),
    log: deps.log,
  });
  return {
    async stop() {
      loop.wake();
      await loop.stop();
    },
  };
}
