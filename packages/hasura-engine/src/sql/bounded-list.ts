import { type PgType, TEXT_TYPES } from "../catalog/pg-type.ts";
import type { Parameter } from "../model/permissions/expression.ts";
import type { AggregateOutput, AggregateSelect, ListSelect, RowField, RowSelection } from "../plan/plan.ts";
import { quoteLiteral } from "./identifier.ts";
import type { Writer } from "./statement.ts";

/** What values are taken to be at most, in bytes: what people store, not what a type could hold. */
const JSON_BYTES = 1024 * 1024;
const TEXT_BYTES = 64 * 1024;
const OTHER_BYTES = 64;
const JSON_TYPES: ReadonlySet<string> = new Set(["json", "jsonb", "bytea", "xml", "hstore"]);

/** In a message of PostgreSQL: what it quotes of a value that is no number. */
const TOO_MUCH = "bytes are more than an answer may have";

/**
 * `SELECT <json list>` of the rows that `rowSql` makes out of `from`. A list that could be larger than an answer may be is
 * counted while it is made, and ends the statement as soon as it is: else PostgreSQL would first make all of it.
 */
export function boundedListSql(writer: Writer, rowSql: string, from: string, bytes: number): string {
  const row = writer.alias();
  const { listBytesMax } = writer.options;
  if (bytes <= listBytesMax)
    return `SELECT coalesce(json_agg(${row}.j), '[]') FROM (SELECT ${rowSql} AS j FROM ${from}) ${row}`;
  const one = writer.alias();
  // OFFSET 0: PostgreSQL would put the row's expression into both places where it is used, and compute it twice.
  const counted = `SELECT ${one}.j, sum(pg_column_size(${one}.j)) OVER (ROWS UNBOUNDED PRECEDING) AS s FROM (SELECT ${rowSql} AS j FROM ${from} OFFSET 0) ${one}`;
  const fits = `CASE WHEN ${row}.s > ${listBytesMax} THEN (${row}.s || ${quoteLiteral(` ${TOO_MUCH}`)})::int IS NULL ELSE TRUE END`;
  return `SELECT coalesce(json_agg(${row}.j), '[]') FROM (${counted}) ${row} WHERE ${fits}`;
}

/** Whether a statement ended because a list of it was larger than an answer may be. */
export function isListTooLarge(state: string | undefined, message: string): boolean {
  return state === "22P02" && message.includes(TOO_MUCH);
}

/** How large a list may become, as far as its limits and the types of its columns tell. */
export function listBytes({
  rows,
  limit,
  permissionLimit,
}: Pick<ListSelect, "rows" | "limit" | "permissionLimit">): number {
  return Math.min(limitOf(limit), permissionLimit ?? Number.POSITIVE_INFINITY) * rowBytes(rows);
}

function rowBytes({ fields }: RowSelection): number {
  return sum(fields.map(fieldBytes));
}

function fieldBytes(field: RowField): number {
  switch (field.kind) {
    case "column":
      return valueBytes(field.column.type);
    case "object":
      return rowBytes(field.rows);
    case "array":
      return listBytes(field.select);
    case "aggregate":
      return aggregateBytes(field.select);
    case "typename":
    case "remote":
      return OTHER_BYTES;
  }
}

function aggregateBytes(select: AggregateSelect): number {
  return sum(select.fields.map((output) => outputBytes(output, select)));
}

function outputBytes(output: AggregateOutput, { limit, permissionLimit }: AggregateSelect): number {
  return output.kind === "nodes" ? listBytes({ rows: output.rows, limit, permissionLimit }) : OTHER_BYTES;
}

function valueBytes({ kind, baseName }: PgType): number {
  if (kind === "array" || kind === "composite" || JSON_TYPES.has(baseName)) return JSON_BYTES;
  return TEXT_TYPES.has(baseName) ? TEXT_BYTES : OTHER_BYTES;
}

/** A variable's value is not known here: the statement is made once for all of them. */
function limitOf(limit: Parameter | undefined): number {
  return limit?.from === "constant" && limit.text !== null ? Number(limit.text) : Number.POSITIVE_INFINITY;
}

function sum(bytes: readonly number[]): number {
  return bytes.reduce((total, one) => total + one, 0);
}
