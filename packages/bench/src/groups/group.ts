import type { Generator } from "../generators/job.ts";
import type { Pace } from "../run-bar.ts";

/** What the bars of a group are run with. */
export type GroupOptions = {
  readonly ids: readonly string[];
  readonly rounds: number;
  readonly pace: Pace;
  readonly generator: Generator;
  readonly serverUrl: string;
  /** Empty where no bar of the group needs one. */
  readonly redisUrl: string;
  readonly log: (line: string) => void;
};
