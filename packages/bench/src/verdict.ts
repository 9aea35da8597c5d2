/** A side's window: requests answered rightly per second, and everything that makes it void. */
export type Window = {
  readonly side: string;
  readonly requestsPerSecond: number;
  readonly requests: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly non2xx: number;
  readonly socketErrors: number;
  /** 2xx whose body was not the expected answer. */
  readonly wrongAnswers: number;
  /** Whatever else a bar looks at: rows that are missing, requests that were sent twice. */
  readonly faults: readonly string[];
};

/** One window of every side, by side. */
export type Round = ReadonlyMap<string, Window>;

export type Ratio = {
  readonly reference: string;
  readonly gate: number;
  /** No single round may be lower; 0 where only the median counts. */
  readonly gateOfRounds: number;
  readonly perRound: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly verdict: "PASSED" | "FAILED" | "INCONCLUSIVE";
};

/** Ratios of one round spread by about 15 %; more than this and the machine was busy with something else. */
const SPREAD_MAX = 1.6;

/** `ours` against a reference, round by round: the machine's own drift cancels inside a round. */
export function judge(
  rounds: readonly Round[],
  ours: string,
  { reference, gate, gateOfRounds = 0 }: { reference: string; gate: number; gateOfRounds?: number },
): Ratio {
  const perRound = rounds.map((round) => rateOf(round, ours) / rateOf(round, reference));
  const [min, max] = [Math.min(...perRound), Math.max(...perRound)];
  const median = medianOf(perRound);
  const verdict = max / min > SPREAD_MAX ? "INCONCLUSIVE" : median >= gate && min >= gateOfRounds ? "PASSED" : "FAILED";
  return { reference, gate, gateOfRounds, perRound, median, min, max, verdict };
}

function rateOf(round: Round, side: string): number {
  const window = round.get(side);
  if (window === undefined) throw new Error(`the round has no window of ${side}`);
  return window.requestsPerSecond;
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** A figure that has a bound of its own, without a reference. */
export type Limit = {
  readonly name: string;
  readonly value: number;
  readonly max: number;
  readonly unit: string;
  readonly verdict: "PASSED" | "FAILED";
};

export function judgeLimit(limit: Omit<Limit, "verdict">): Limit {
  return { ...limit, verdict: limit.value <= limit.max ? "PASSED" : "FAILED" };
}

/** Why a round counts for nothing; empty when it counts. */
export function voidReasons(round: Round): string[] {
  return [...round.values()].flatMap(({ side, requests, non2xx, socketErrors, wrongAnswers, faults }) => [
    ...(requests === 0 ? [`${side}: nothing was answered`] : []),
    ...(non2xx > 0 ? [`${side}: ${non2xx} answers were not 2xx`] : []),
    ...(socketErrors > 0 ? [`${side}: ${socketErrors} socket errors`] : []),
    ...(wrongAnswers > 0 ? [`${side}: ${wrongAnswers} answers were wrong`] : []),
    ...faults.map((fault) => `${side}: ${fault}`),
  ]);
}

/** Sides of round `index`: forwards, then backwards, and so on. */
export function orderOf<T>(sides: readonly T[], index: number): readonly T[] {
  return index % 2 === 0 ? sides : sides.toReversed();
}
