import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { workDir } from "./child.ts";
import type { Generator } from "./generators/job.ts";
import { writeRequests } from "./requests-file.ts";
import { type BarHead, type BarResult, type Measured, runRounds } from "./rounds.ts";
import type { Question, Side } from "./side.ts";
import type { Window } from "./verdict.ts";

/** A bar whose sides are asked the same questions over the same rows. */
export type Bar = BarHead & {
  readonly connections: number;
  readonly ours: Side;
  readonly references: readonly { readonly side: Side; readonly gate: number }[];
  /** Asked while warming up, and none of them again while measuring. */
  readonly warmUp: readonly Question[];
  readonly measured: readonly Question[];
  /** A further condition; what it finds makes the bar void. */
  readonly inspect?: (freePort: () => Promise<number>) => Promise<string | undefined>;
};

export type Pace = { readonly warmUpSeconds: number; readonly measuredSeconds: number };
export type RunOptions = {
  rounds: number;
  pace: Pace;
  generator: Generator;
  freePort: () => Promise<number>;
  log: (line: string) => void;
};

/** All rounds of a bar, once more when they disagree too much. */
export async function runBar(bar: Bar, options: RunOptions): Promise<BarResult> {
  const sides = [bar.ours, ...bar.references.map(({ side }) => side)];
  const before = async (): Promise<string[]> => {
    const voided = await compareAnswers(bar, sides, options);
    const remark = await bar.inspect?.(options.freePort);
    return remark === undefined ? voided : [...voided, remark];
  };
  const measured = sides.map((side): Measured => ({ name: side.name, measure: () => runWindow(bar, side, options) }));
  const references = bar.references.map(({ side, gate }) => ({ reference: side.name, gate }));
  return runRounds({ ...bar, ours: bar.ours.name, references, sides: measured, before }, options);
}

/** A fresh process, warmed up, then measured. */
async function runWindow(bar: Bar, side: Side, { pace, generator, freePort }: RunOptions): Promise<Window> {
  const child = await side.start(await freePort());
  try {
    const load = (questions: readonly Question[], seconds: number, what: string) => {
      const requestsFile = join(workDir, `${bar.id}-${side.name}-${what}.requests`);
      writeRequests(
        requestsFile,
        questions.map((question) => side.request(question)),
      );
      const { connections } = bar;
      return generator.measure({ url: child.url, connections, seconds, requestsFile, answerBegins: side.answerBegins });
    };
    await load(bar.warmUp, pace.warmUpSeconds, "warm-up");
    return { side: side.name, faults: [], ...(await load(bar.measured, pace.measuredSeconds, "measured")) };
  } finally {
    await child.stop();
  }
}

const COMPARED = 3;

/** Sides that answer differently cannot be compared. */
async function compareAnswers(bar: Bar, sides: readonly Side[], { freePort }: RunOptions): Promise<string[]> {
  const questions = bar.measured.slice(0, COMPARED);
  const answers = new Map<Side, unknown[]>();
  for (const side of sides) {
    const child = await side.start(await freePort());
    try {
      const rows: unknown[] = [];
      for (const question of questions) rows.push(side.rows(await ask(child.url, side, question)));
      answers.set(side, rows);
    } finally {
      await child.stop();
    }
  }
  const differing = bar.references.filter(({ side }) => !isDeepStrictEqual(answers.get(side), answers.get(bar.ours)));
  return differing.map(({ side }) => `${side.name} and ${bar.ours.name} answer differently`);
}

export async function ask(url: string, side: Side, question: Question): Promise<unknown> {
  const { path, headers, body } = side.request(question);
  const reply = await fetch(url + path, { method: "POST", headers, body });
  return reply.json();
}
