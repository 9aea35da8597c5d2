import type { FailpointName } from "@control-plane/service-kit/failpoint";
import type { Play } from "./play.ts";

/** One fault: what is done while webhooks come in, and what must hold besides the invariants. */
export type Cell = {
  readonly id: string;
  readonly title: string;
  /** Failpoints that this cell lets a process meet. */
  readonly failpoints?: readonly FailpointName[];
  /** Needs MongoDB, or says so and passes. */
  readonly mongodb?: true;
  play(play: Play): Promise<void>;
};

export const defineCell = (cell: Cell): Cell => cell;
