import type { BarResult } from "../rounds.ts";
import { judgeLimit, medianOf } from "../verdict.ts";

/** Of one start. What it worked shows whether a slow one waited for others on the machine. */
export type Start = { readonly seconds: number; readonly processorSeconds?: number | undefined };

/** Something that starts, and has ended again when `measure` returns. */
export type Starter = { readonly name: string; readonly secondsMax: number; readonly measure: () => Promise<Start> };

/**
 * How long a start takes until everything can work; the median of the rounds counts. The very first is not among them: it
 * makes what later ones find, such as keys, virtual environments and data.
 */
export async function startBar(
  starters: readonly Starter[],
  { rounds, log }: { rounds: number; log: (line: string) => void },
): Promise<BarResult> {
  const limits = [];
  const voided: string[] = [];
  for (const { name, secondsMax, measure } of starters) {
    const starts: Start[] = [];
    try {
      await measure();
      while (starts.length < rounds) starts.push(await measure());
    } catch (error) {
      voided.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    log(`P14 ${name}: ${starts.map(describe).join(", ")}`);
    const value = medianOf(starts.map(({ seconds }) => seconds));
    limits.push(judgeLimit({ name: `${name} ready after`, value, max: secondsMax, unit: "s" }));
  }
  return {
    id: "P14",
    title: "starts, until ready",
    ours: "all parts",
    rounds: [],
    ratios: [],
    limits: voided.length > 0 ? [] : limits,
    voided,
    skipped: [],
  };
}

function describe({ seconds, processorSeconds }: Start): string {
  const worked = processorSeconds === undefined ? "" : ` (processor ${processorSeconds.toFixed(2)} s)`;
  return `${seconds.toFixed(2)} s${worked}`;
}
