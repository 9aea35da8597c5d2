import { judge, type Limit, orderOf, type Ratio, type Round, voidReasons, type Window } from "./verdict.ts";

export type BarHead = {
  readonly id: string;
  readonly title: string;
  /** Why a reference is left out. */
  readonly skipped: readonly string[];
};

/** One side of a bar: `measure` is one window of a fresh process. */
export type Measured = { readonly name: string; readonly measure: () => Promise<Window> };

export type Rounds = BarHead & {
  readonly ours: string;
  readonly references: readonly {
    readonly reference: string;
    readonly gate: number;
    readonly gateOfRounds?: number;
  }[];
  readonly sides: readonly Measured[];
  /** What makes the bar void before anything is measured. */
  readonly before: () => Promise<string[]>;
};

export type BarResult = BarHead & {
  readonly ours: string;
  readonly rounds: readonly (readonly Window[])[];
  readonly ratios: readonly Ratio[];
  readonly limits: readonly Limit[];
  readonly voided: readonly string[];
  /** The first try, when the bar was run again because its rounds disagreed. */
  readonly repeatOf?: BarResult;
};

export type RoundOptions = { rounds: number; log: (line: string) => void };

/** All rounds of a bar, once more when they disagree too much. */
export async function runRounds(bar: Rounds, options: RoundOptions): Promise<BarResult> {
  const first = await tryRounds(bar, options);
  if (first.voided.length > 0 || first.ratios.every(({ verdict }) => verdict !== "INCONCLUSIVE")) return first;
  options.log(`${bar.id}: the rounds disagree; once more`);
  return { ...(await tryRounds(bar, options)), repeatOf: first };
}

async function tryRounds(bar: Rounds, options: RoundOptions): Promise<BarResult> {
  const { id, title, skipped, ours, sides, references } = bar;
  const voided = await bar.before();
  const rounds: Round[] = [];
  for (let index = 0; index < options.rounds && voided.length === 0; index++) {
    const round = new Map<string, Window>();
    for (const { name, measure } of orderOf(sides, index)) round.set(name, await measure());
    voided.push(...voidReasons(round));
    rounds.push(round);
    const rates = sides.map(({ name }) => `${name} ${round.get(name)?.requestsPerSecond.toFixed(0)}/s`);
    options.log(`${id} round ${index + 1}/${options.rounds}: ${rates.join(", ")}`);
  }
  const ratios = voided.length > 0 ? [] : references.map((reference) => judge(rounds, ours, reference));
  return { id, title, skipped, ours, rounds: rounds.map((round) => [...round.values()]), ratios, limits: [], voided };
}
