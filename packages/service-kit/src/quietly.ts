const QUIET_MS = 10_000;

/** A store that is away reports itself many times a second; one line each 10 s is enough. */
export function quietly(report: (error: Error) => void): (error: Error) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (performance.now() - last < QUIET_MS) return;
    last = performance.now();
    report(error);
  };
}
