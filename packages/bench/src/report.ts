import type { Machine } from "./machine.ts";
import type { BarResult } from "./run-bar.ts";

export function machineLines(machine: Machine): string[] {
  return [
    `${machine.cores} × ${machine.cpu}, Node ${machine.node}, commit ${machine.commit}`,
    `PostgreSQL ${machine.postgres} (${machine.durability}); 8 KiB fsync ${machine.fsyncMs.toFixed(2)} ms`,
    `load generator ${machine.generator}; load average at start ${machine.load.toFixed(2)}`,
  ];
}

export function resultLines(result: BarResult): string[] {
  const head = `${result.id}  ${result.title}`;
  if (result.voided.length > 0) return [head, ...result.voided.map((reason) => `    VOID: ${reason}`)];
  const ratios = result.ratios.map(
    ({ reference, gate, median, min, max, verdict }) =>
      `    engine / ${reference.padEnd(12)} ${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)}), gate ${gate}: ${verdict}`,
  );
  return [head, ...ratios, ...result.skipped.map((reason) => `    skipped: ${reason}`)];
}

/** With `requireAll` a skipped reference is a failure. */
export function holds({ ratios, voided, skipped }: BarResult, requireAll: boolean): boolean {
  return (
    voided.length === 0 &&
    ratios.length > 0 &&
    ratios.every(({ verdict }) => verdict === "PASSED") &&
    (skipped.length === 0 || !requireAll)
  );
}
