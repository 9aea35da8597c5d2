import { HasuraError } from "../hasura-error.ts";
import { tableText } from "../metadata/table-name.ts";
import type { Column } from "../model/model.ts";
import type { Parameter } from "../model/permissions/expression.ts";
import type { Insert, InsertRow, NestedInsert } from "../plan/plan.ts";
import type { Bindings } from "../sql/bind-parameters.ts";
import { compileInsert, type OutputPart } from "../sql/mutation-sql.ts";
import type { CompileOptions } from "../sql/statement.ts";
import type { Connection } from "./connections.ts";
import { type ResultRow, runStatement } from "./run-statement.ts";

export type MutationRun = {
  readonly connection: Connection;
  readonly bindings: Bindings;
  readonly options: CompileOptions;
};

/** What was written: rows touched in all tables, and the rows of the outermost one as a JSON list. */
export type Written = { readonly affected: number; readonly rows: string; readonly outputs: readonly string[] };

export function hasNested(insert: Insert): boolean {
  return insert.rows.some(({ before, after }) => before.length > 0 || after.length > 0);
}

/** Without nested data: one statement for all rows. `outputs` are filled from the same statement. */
export async function insertFlat(
  run: MutationRun,
  insert: Insert,
  outputs: readonly OutputPart[],
  rows: boolean,
): Promise<Written> {
  if (insert.rows.length === 0)
    return { affected: 0, rows: "[]", outputs: outputs.map(({ many }) => (many ? "[]" : "null")) };
  const statement = compileInsert(insert, { rows, keys: [], outputs }, run.options);
  const [row] = await runStatement(run.connection, statement, run.bindings, insert.path);
  refuseUnchecked(row, insert.path);
  return {
    affected: Number(row?.affected ?? 0),
    rows: rows ? String(row?.rows ?? "[]") : "[]",
    outputs: outputs.map((_part, index) => String(row?.[`out${index}`])),
  };
}

export function refuseUnchecked(row: ResultRow | undefined, path: string): void {
  // PostgreSQL's text of a boolean.
  if (row?.checked !== "t")
    throw new HasuraError("permission-error", "check constraint of an insert/update permission has failed", path);
}

/** With nested data: row by row; object relations first, then the row, then what hangs on it. */
export async function insertNested(run: MutationRun, insert: Insert): Promise<Written> {
  let affected = 0;
  const rows: string[] = [];
  for (const row of insert.rows) {
    const written = await insertRow(run, insert, row, []);
    affected += written.affected;
    if (written.row !== undefined) rows.push(written.row);
  }
  return { affected, rows: `[${rows.join(",")}]`, outputs: [] };
}

type Given = InsertRow["values"];
type WrittenRow = {
  readonly affected: number;
  readonly row: string | undefined;
  readonly keys: ReadonlyMap<string, string | null>;
};

async function insertRow(run: MutationRun, insert: Insert, row: InsertRow, inherited: Given): Promise<WrittenRow> {
  refuseDetermined(row, inherited);
  let affected = 0;
  const determined: Given[number][] = [];
  for (const nested of row.before) {
    const parent = await insertParent(run, nested);
    affected += parent.affected;
    determined.push(
      ...nested.relationship.columns.map(({ own, target }) => ({
        column: own,
        value: keyParameter(own, parent.keys, target),
      })),
    );
  }
  const values = merged(row.values, determined, inherited);
  const own = await insertOwn(run, insert, { ...row, values }, neededKeys(row, insert));
  affected += own.affected;
  if (own.row === undefined) {
    if (row.after.length > 0) throw affectsNoRows("array relations", insert, row.path);
    return { affected, row: undefined, keys: own.keys };
  }
  for (const nested of row.after) affected += await insertChildren(run, nested, own.keys);
  return { affected, row: own.row, keys: own.keys };
}

/** A column whose value comes from the other side of a relation may not be given beside it. */
function refuseDetermined({ given, before, place }: InsertRow, inherited: Given): void {
  const parents = new Set(inherited.map(({ column }) => column.name));
  const clashes = given.filter(({ name }) => parents.has(name));
  if (clashes.length > 0)
    throw new HasuraError(
      "validation-failed",
      `cannot insert ${quoted(clashes)} columns as their values are already being determined by parent insert`,
      place,
    );
  const taken = new Set([...parents, ...given.map(({ name }) => name)]);
  for (const { relationship } of before) {
    const determined = relationship.columns.map(({ own }) => own).filter(({ name }) => taken.has(name));
    if (determined.length > 0)
      throw new HasuraError(
        "validation-failed",
        `cannot insert object relationship "${relationship.name}" as ${quoted(determined)} column values are already determined`,
        `${place}.${relationship.name}`,
      );
  }
}

function quoted(columns: readonly Column[]): string {
  return columns.map(({ name }) => `"${name}"`).join(", ");
}

/** Of values for one column the first counts: presets and given ones stand before what relations bring. */
function merged(...values: readonly Given[]): Given {
  const byColumn = new Map<string, Given[number]>();
  for (const value of values.flat()) if (!byColumn.has(value.column.name)) byColumn.set(value.column.name, value);
  return [...byColumn.values()];
}

function affectsNoRows(what: string, { table }: Insert, path: string): HasuraError {
  const reason = `cannot proceed to insert ${what} since insert to table "${tableText(table)}" affects zero rows`;
  return new HasuraError("not-supported", reason, path);
}

/** Every column that a relation on either side may want to copy. */
function neededKeys(row: InsertRow, insert: Insert): readonly Column[] {
  const below = row.after.flatMap(({ relationship }) => relationship.columns.map(({ own }) => own));
  return [...new Map([...below, ...insert.table.columns.values()].map((column) => [column.name, column])).values()];
}

async function insertParent(run: MutationRun, { relationship, insert, path }: NestedInsert): Promise<WrittenRow> {
  const [row] = insert.rows;
  const written = row === undefined ? undefined : await insertRow(run, insert, row, []);
  if (written?.row !== undefined) return written;
  throw affectsNoRows(`object relation "${relationship.name}"`, insert, path);
}

async function insertChildren(
  run: MutationRun,
  { relationship, insert }: NestedInsert,
  keys: ReadonlyMap<string, string | null>,
): Promise<number> {
  const inherited = relationship.columns.map(({ own, target }) => ({
    column: target,
    value: keyParameter(target, keys, own),
  }));
  if (!hasNested(insert)) {
    for (const row of insert.rows) refuseDetermined(row, inherited);
    const rows = insert.rows.map((row) => ({ ...row, values: merged(row.values, inherited) }));
    return (await insertFlat(run, { ...insert, rows }, [], false)).affected;
  }
  let affected = 0;
  for (const row of insert.rows) affected += (await insertRow(run, insert, row, inherited)).affected;
  return affected;
}

function keyParameter(column: Column, keys: ReadonlyMap<string, string | null>, source: Column): Parameter {
  return { from: "constant", type: column.type, text: keys.get(source.name) ?? null };
}

async function insertOwn(
  run: MutationRun,
  insert: Insert,
  row: InsertRow,
  keys: readonly Column[],
): Promise<WrittenRow> {
  const statement = compileInsert({ ...insert, rows: [row] }, { rows: true, keys, outputs: [] }, run.options);
  const [result] = await runStatement(run.connection, statement, run.bindings, row.path);
  refuseUnchecked(result, row.path);
  const affected = Number(result?.affected ?? 0);
  if (affected === 0) return { affected, row: undefined, keys: new Map() };
  const texts: unknown = JSON.parse(String(result?.keys ?? "[]"));
  const values = Array.isArray(texts) ? texts : [];
  return {
    affected,
    row: String(result?.rows ?? "[]").slice(1, -1),
    keys: new Map(keys.map((column, index) => [column.name, typeof values[index] === "string" ? values[index] : null])),
  };
}
