import { Inconsistent } from "../model/inconsistency.ts";
import type { Table } from "../model/model.ts";

/** Where a condition stands. */
export type Scope = {
  /** The table the condition's names belong to. */
  readonly own: Table;
  /** The table of the row under test. */
  readonly root: Table;
  readonly tables: ReadonlyMap<string, Table>;
};

export function entriesOf(json: unknown): [string, unknown][] {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Inconsistent(
      "parse-failed",
      `expected an object in a boolean expression, but found ${JSON.stringify(json)}`,
    );
  }
  return Object.entries(json);
}
