import { InconsistencyError } from "../inconsistency.ts";
import type { Table } from "../model.ts";

/** Where a condition stands. */
export type Scope = {
  /** The table the condition's names belong to. */
  readonly own: Table;
  /** The table of the row under test: the one whose permission this is. */
  readonly root: Table;
  /** Relationships and `_exists` between that row and this condition. */
  readonly depth: number;
  readonly tables: ReadonlyMap<string, Table>;
};

/** The condition of a permission on the table. */
export function scopeOf(table: Table, tables: ReadonlyMap<string, Table>): Scope {
  return { own: table, root: table, depth: 0, tables };
}

/** One relationship or `_exists` further in. */
export function inside(scope: Scope, table: Table): Scope {
  return { ...scope, own: table, depth: scope.depth + 1 };
}

export function entriesOf(json: unknown): [string, unknown][] {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new InconsistencyError(
      "parse-failed",
      `expected an object in a boolean expression, but found ${JSON.stringify(json)}`,
    );
  }
  return Object.entries(json);
}
