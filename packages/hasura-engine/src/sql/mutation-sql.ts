import type { PgType } from "../catalog/pg-type.ts";
import type { Column, Table } from "../model/model.ts";
import type { Expression, Parameter } from "../model/permissions/expression.ts";
import type { InsertRow, MutationOutput, OnConflict, RowSelection, Update, UpdateSet } from "../plan/plan.ts";
import { expressionSql } from "./expression-sql.ts";
import { columnOf, quoteIdentifier, tableName } from "./identifier.ts";
import { rowJson } from "./rows-sql.ts";
import { type CompileOptions, createWriter, type Statement, type Writer } from "./statement.ts";

/** Name of the CTE column with the check's outcome; no table of a person's making has a column of this name. */
const CHECK = quoteIdentifier("?check?");

/**
 * What a mutation statement answers, in one row: `affected` (rows touched), `checked` (every check held), and as asked
 * for: `rows` (all columns of the touched rows, a JSON list), `keys` (text values of some columns of the first row), and
 * `out0`, `out1` … (parts of the answer, as JSON text).
 */
export type Wanted = {
  readonly rows: boolean;
  readonly keys: readonly Column[];
  readonly outputs: readonly OutputPart[];
};
export type OutputPart = { readonly many: boolean; readonly rows: RowSelection };

export type InsertParts = {
  readonly table: Table;
  readonly rows: readonly InsertRow[];
  readonly check: Expression;
  readonly onConflict: OnConflict | undefined;
};

/** One multi-row insert; absent columns are DEFAULT. */
export function compileInsert(insert: InsertParts, wanted: Wanted, options: CompileOptions): Statement {
  const writer = createWriter(options);
  const own = writer.alias();
  const columns = insertColumns(insert);
  const tuples = insert.rows.map((row) => {
    const given = new Map(row.values.map(({ column, value }) => [column.name, value]));
    const cells = columns.map((column) => {
      const value = given.get(column.name);
      return value === undefined ? "DEFAULT" : writer.bind(value);
    });
    return `(${cells.join(", ")})`;
  });
  const conflict = insert.onConflict === undefined ? "" : ` ${conflictSql(writer, insert.onConflict, own)}`;
  const check = insertCheckSql(writer, insert, own);
  const names = columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const mutation = `INSERT INTO ${tableName(insert.table)} AS ${own} (${names}) VALUES ${tuples.join(", ")}${conflict} RETURNING ${own}.*, ${check} AS ${CHECK}`;
  return finish(writer, mutation, wanted);
}

/** At least one column has to be named; a row of defaults alone names any. */
function insertColumns({ table, rows }: InsertParts): readonly Column[] {
  const used = new Map(rows.flatMap((row) => row.values.map(({ column }) => [column.name, column] as const)));
  if (used.size > 0) return [...used.values()];
  return [...table.columns.values()].slice(0, 1);
}

function conflictSql(writer: Writer, conflict: OnConflict, own: string): string {
  const target = `ON CONFLICT ON CONSTRAINT ${quoteIdentifier(conflict.constraint.name)}`;
  if (conflict.updates.length === 0) return `${target} DO NOTHING`;
  const sets = conflict.updates.map(({ column, value }) => {
    const name = quoteIdentifier(column.name);
    return `${name} = ${value === "excluded" ? `EXCLUDED.${name}` : writer.bind(value)}`;
  });
  return `${target} DO UPDATE SET ${sets.join(", ")} WHERE ${expressionSql(writer, conflict.where, own)}`;
}

/** Rows that were updated instead of inserted are held to the update's check; their xmax is set. */
function insertCheckSql(writer: Writer, { check, onConflict }: InsertParts, own: string): string {
  const inserted = expressionSql(writer, check, own);
  if (onConflict === undefined || onConflict.updates.length === 0 || onConflict.updateCheck === check) return inserted;
  return `CASE WHEN ${own}.xmax = 0 THEN ${inserted} ELSE ${expressionSql(writer, onConflict.updateCheck, own)} END`;
}

export function compileUpdate(update: Update, wanted: Wanted, options: CompileOptions): Statement {
  const writer = createWriter(options);
  const own = writer.alias();
  const sets = update.sets.map((set) => `${quoteIdentifier(set.column.name)} = ${setSql(writer, set, own)}`);
  const where = expressionSql(writer, update.where, own);
  const check = expressionSql(writer, update.check, own);
  const mutation = `UPDATE ${tableName(update.table)} AS ${own} SET ${sets.join(", ")} WHERE ${where} RETURNING ${own}.*, ${check} AS ${CHECK}`;
  return finish(writer, mutation, wanted);
}

function setSql(writer: Writer, set: UpdateSet, own: string): string {
  const before = columnOf(own, set.column);
  const value = writer.bind(set.value);
  switch (set.operator) {
    case "set":
      return value;
    case "inc":
      return `${before} + ${value}`;
    case "append":
      return `${before} || ${value}`;
    case "prepend":
      return `${value} || ${before}`;
    case "delete-key":
    case "delete-elem":
      return `${before} - ${value}`;
    case "delete-at-path":
      return `${before} #- ${value}`;
  }
}

export function compileDelete(
  target: { readonly table: Table; readonly where: Expression },
  wanted: Wanted,
  options: CompileOptions,
): Statement {
  const writer = createWriter(options);
  const own = writer.alias();
  const where = expressionSql(writer, target.where, own);
  return finish(
    writer,
    `DELETE FROM ${tableName(target.table)} AS ${own} WHERE ${where} RETURNING ${own}.*, TRUE AS ${CHECK}`,
    wanted,
  );
}

function finish(writer: Writer, mutation: string, wanted: Wanted): Statement {
  const touched = writer.alias();
  const columns: readonly Answered[] = [
    ["affected", `(SELECT count(*)::int FROM ${touched})`],
    ["checked", `(SELECT coalesce(bool_and(coalesce(${CHECK}, FALSE)), TRUE) FROM ${touched})`],
    ...(wanted.rows ? [["rows", `(SELECT coalesce(json_agg(${touched}), '[]')::text FROM ${touched})`] as const] : []),
    ...(wanted.keys.length === 0
      ? []
      : [["keys", `(SELECT ${keysSql(wanted.keys, touched)}::text FROM ${touched} LIMIT 1)`] as const]),
    ...outputColumns(writer, wanted.outputs, touched),
  ];
  return select(writer, `WITH ${touched} AS (${mutation})`, columns);
}

/** Name and SQL of a column. */
type Answered = readonly [name: string, sql: string];

function outputColumns(writer: Writer, outputs: readonly OutputPart[], from: string): Answered[] {
  return outputs.map((part, index) => [`out${index}`, outputSql(writer, part, from)]);
}

function select(writer: Writer, before: string, columns: readonly Answered[]): Statement {
  const list = columns.map(([name, sql]) => `${sql} AS ${name}`).join(", ");
  return writer.finish(
    `${before} SELECT ${list}`,
    columns.map(([name]) => name),
  );
}

function keysSql(columns: readonly Column[], from: string): string {
  return `JSON_ARRAY(${columns.map((column) => `${columnOf(from, column)}::text`).join(", ")} NULL ON NULL RETURNING json)`;
}

function outputSql(writer: Writer, part: OutputPart, from: string): string {
  if (!part.many) return `coalesce((SELECT (${rowJson(writer, part.rows, from)})::text FROM ${from} LIMIT 1), 'null')`;
  return `(SELECT coalesce(json_agg(${rowJson(writer, part.rows, from)}), '[]')::text FROM ${from})`;
}

/**
 * Answers over rows that were written by earlier statements of the transaction, whose relationships are read as they are
 * now. `$1` is the JSON list of the rows; columns `out0` … as above.
 */
export function compileReturning(
  table: Table,
  outputs: readonly OutputPart[],
  rowsJson: string,
  options: CompileOptions,
): Statement {
  const writer = createWriter(options);
  const own = writer.alias();
  const rows: Parameter = { from: "constant", type: JSON_TYPE, text: rowsJson };
  const source = `json_populate_recordset(NULL::${tableName(table)}, ${writer.bind(rows)})`;
  return select(writer, `WITH ${own} AS (SELECT * FROM ${source})`, outputColumns(writer, outputs, own));
}

const JSON_TYPE: PgType = {
  name: "json",
  sql: "pg_catalog.json",
  kind: "base",
  scalar: "json",
  element: undefined,
  baseName: "json",
};

/** Whether a returned row needs more than its own columns; then it is read by a second statement. */
export function needsRelated(rows: RowSelection): boolean {
  return rows.fields.some(({ kind }) => kind === "object" || kind === "array" || kind === "aggregate");
}

/** The parts of an output that hold rows, in order. */
export function outputParts(output: MutationOutput): OutputPart[] {
  return output.flatMap((field) => (field.kind === "returning" ? [{ many: true, rows: field.rows }] : []));
}
