import type { Machine } from "./machine.ts";
import type { BarResult } from "./rounds.ts";

export function machineLines(machine: Machine): string[] {
  const redis = machine.redis === undefined ? "" : `, Redis ${machine.redis}`;
  return [
    `${machine.cores} × ${machine.cpu}, Node ${machine.node}, commit ${machine.commit}`,
    `PostgreSQL ${machine.postgres} (${machine.durability})${redis}; 8 KiB fsync ${machine.fsyncMs.toFixed(2)} ms`,
    `load generator ${machine.generator}; load average at start ${machine.load.toFixed(2)}`,
  ];
}

export function resultLines(result: BarResult): string[] {
  const head = `${result.id}  ${result.title}`;
  if (result.voided.length > 0) return [head, ...result.voided.map((reason) => `    VOID: ${reason}`)];
  const ratios = result.ratios.map(({ reference, gate, gateOfRounds, median, min, max, verdict }) => {
    const gates = gateOfRounds === 0 ? `gate ${gate}` : `gate ${gate}, each round ${gateOfRounds}`;
    return `    ${result.ours} / ${reference.padEnd(12)} ${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)}), ${gates}: ${verdict}`;
  });
  const limits = result.limits.map(
    ({ name, value, max, unit, verdict }) =>
      `    ${name} ${value.toFixed(2)} ${unit}, at most ${max} ${unit}: ${verdict}`,
  );
  return [head, ...ratios, ...limits, ...result.skipped.map((reason) => `    skipped: ${reason}`)];
}

/** With `requireAll` a skipped reference is a failure. */
export function holds({ ratios, limits, voided, skipped }: BarResult, requireAll: boolean): boolean {
  const verdicts = [...ratios, ...limits].map(({ verdict }) => verdict);
  return (
    voided.length === 0 &&
    (verdicts.length > 0 || skipped.length > 0) &&
    verdicts.every((verdict) => verdict === "PASSED") &&
    (skipped.length === 0 || !requireAll)
  );
}
