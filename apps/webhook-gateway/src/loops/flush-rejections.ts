import type { Logger, Loop } from "@control-plane/service-kit";
import type { Rejections } from "../domain/rejections.ts";

const FLUSH_MS = 10_000;

/** Writes counted refusals now and then, and once more at the end. */
export function startFlushingRejections(deps: { rejections: Rejections; log: Logger }): Loop {
  const flush = async (): Promise<void> => {
    try {
      await deps.rejections.flush();
    } catch (error) {
      deps.log.warn({ err: error }, "rejections could not be written");
    }
  };
  const timer = setInterval(() => void flush(), FLUSH_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
