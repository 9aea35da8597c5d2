const SILENT_MS_MIN = 10_000;
const SILENT_MS_MAX = 300_000;
/** A store that is away is tried more often than this, so after such a silence it must have been back. */
const BACK_MS = 30_000;

/** A store that is away reports itself many times a second: told when that begins, and ever more rarely while it lasts. */
export function quietly(report: (error: Error) => void): (error: Error) => void {
  let heardAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  let silentMs = 0;
  return (error) => {
    const now = performance.now();
    if (now - heardAt > BACK_MS) silentMs = 0;
    heardAt = now;
    if (now - toldAt < silentMs) return;
    silentMs = Math.min(Math.max(silentMs * 2, SILENT_MS_MIN), SILENT_MS_MAX);
    toldAt = now;
    report(error);
  };
}
