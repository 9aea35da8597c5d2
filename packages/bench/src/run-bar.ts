import { isDeepStrictEqual } from "node:util";
import type { Generator } from "./generators/job.ts";
import type { Question, Side } from "./side.ts";
import { judge, orderOf, type Ratio, type Round, voidReasons, type Window } from "./verdict.ts";

export type Bar = {
  readonly id: string;
  readonly title: string;
  readonly connections: number;
  readonly ours: Side;
  readonly references: readonly { readonly side: Side; readonly gate: number }[];
  /** Why a reference is left out. */
  readonly skipped: readonly string[];
  /** Asked while warming up, and none of them again while measuring. */
  readonly warmUp: readonly Question[];
  readonly measured: readonly Question[];
  /** A further condition; what it finds makes the bar void. */
  readonly inspect?: (freePort: () => Promise<number>) => Promise<string | undefined>;
};

export type BarResult = {
  readonly id: string;
  readonly title: string;
  readonly rounds: readonly (readonly Window[])[];
  readonly ratios: readonly Ratio[];
  readonly voided: readonly string[];
  readonly skipped: readonly string[];
  /** The first try, when the bar was run again because its rounds disagreed. */
  readonly repeatOf?: BarResult;
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
  const first = await tryBar(bar, options);
  if (first.voided.length > 0 || first.ratios.every(({ verdict }) => verdict !== "INCONCLUSIVE")) return first;
  options.log(`${bar.id}: the rounds disagree; once more`);
  return { ...(await tryBar(bar, options)), repeatOf: first };
}

async function tryBar(bar: Bar, options: RunOptions): Promise<BarResult> {
  const sides = [bar.ours, ...bar.references.map(({ side }) => side)];
  const voided = await compareAnswers(bar, sides, options);
  const remark = await bar.inspect?.(options.freePort);
  if (remark !== undefined) voided.push(remark);
  const rounds: Round[] = [];
  for (let index = 0; index < options.rounds && voided.length === 0; index++) {
    const round = new Map<string, Window>();
    for (const side of orderOf(sides, index)) round.set(side.name, await runWindow(bar, side, options));
    voided.push(...voidReasons(round));
    rounds.push(round);
    const rates = sides.map(({ name }) => `${name} ${round.get(name)?.requestsPerSecond.toFixed(0)}/s`);
    options.log(`${bar.id} round ${index + 1}/${options.rounds}: ${rates.join(", ")}`);
  }
  return {
    id: bar.id,
    title: bar.title,
    rounds: rounds.map((round) => [...round.values()]),
    ratios:
      voided.length > 0 ? [] : bar.references.map(({ side, gate }) => judge(rounds, bar.ours.name, side.name, gate)),
    voided,
    skipped: bar.skipped,
  };
}

/** A fresh process, warmed up, then measured. */
async function runWindow(bar: Bar, side: Side, { pace, generator, freePort }: RunOptions): Promise<Window> {
  const child = await side.start(await freePort());
  try {
    const load = (questions: readonly Question[], seconds: number) =>
      generator.measure({
        url: child.url,
        connections: bar.connections,
        seconds,
        requests: questions.map((question) => side.request(question)),
        answerBegins: side.answerBegins,
      });
    await load(bar.warmUp, pace.warmUpSeconds);
    return { side: side.name, ...(await load(bar.measured, pace.measuredSeconds)) };
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
