import { arrayOf } from "../catalog/builtin-types.ts";
import type { Column, Table } from "../model/model.ts";
import type { Expression } from "../model/permissions/expression.ts";
import type { AggregateSelect, ListSelect, RowSelection, TableQuery, TableStream } from "../plan/plan.ts";
import { expressionSql } from "./expression-sql.ts";
import { columnOf, quoteIdentifier, tableName } from "./identifier.ts";
import { aggregateJson, listSql, oneRowSql, rowJson } from "./rows-sql.ts";
import { type CompileOptions, createWriter, type Statement } from "./statement.ts";

const DATA = ["data"];

/** One statement for a root field; its only row and column, `data`, is the field's JSON text. */
export function compileTableQuery(query: TableQuery, options: CompileOptions): Statement {
  const writer = createWriter(options);
  switch (query.kind) {
    case "list":
      return writer.finish(
        `SELECT (${listSql(writer, query.select, query.select.rows, undefined)})::text AS data`,
        DATA,
      );
    case "aggregate":
      return writer.finish(`SELECT (${aggregateJson(writer, query.select, undefined)})::text AS data`, DATA);
    case "by-pk": {
      const row = oneRowSql(writer, query.table, query.rows, (own) => expressionSql(writer, query.where, own));
      return writer.finish(`SELECT coalesce((${row})::text, 'null') AS data`, DATA);
    }
  }
}

/**
 * One batch of a stream: `data` as JSON text, `count`, and `cursor`, the last row's cursor value as text (null for an
 * empty batch). `cursorIndex` is the place of the cursor among the parameters, to be moved on from batch to batch.
 */
export function compileStream(
  stream: TableStream,
  options: CompileOptions,
): { statement: Statement; cursorIndex: number } {
  const writer = createWriter(options);
  const own = writer.alias();
  const start = writer.bindOwn(stream.cursor.initialValue);
  const cursor = columnOf(own, stream.cursor.column);
  const [beyond, direction] = stream.cursor.ordering === "asc" ? [">", "ASC"] : ["<", "DESC"];
  const where = expressionSql(writer, stream.where, own);
  const rows = `SELECT ${rowJson(writer, stream.rows, own)} AS j, ${cursor}::text AS c FROM ${tableName(stream.table)} ${own} WHERE ${cursor} ${beyond} ${start.place} AND ${where} ORDER BY ${cursor} ${direction} FETCH FIRST (${writer.bind(stream.batchSize)}) ROWS WITH TIES`;
  const text = `SELECT coalesce(json_agg(s.j), '[]')::text AS data, count(*)::int AS count, (array_agg(s.c))[count(*)::int] AS cursor FROM (${rows}) s`;
  return { statement: writer.finish(text, ["data", "count", "cursor"]), cursorIndex: start.index };
}

export type RelatedSelect =
  | { readonly kind: "object"; readonly target: Table; readonly filter: Expression; readonly rows: RowSelection }
  | { readonly kind: "array"; readonly select: ListSelect }
  | { readonly kind: "aggregate"; readonly select: AggregateSelect };

/**
 * What an action's output object leads to: one row per key tuple, in their order, each with `data` as JSON text. Every
 * key column is one array parameter, bound by the caller behind the statement's own parameters.
 */
export function compileRelated(related: RelatedSelect, columns: readonly Column[], options: CompileOptions): Statement {
  const writer = createWriter(options);
  const keys = writer.alias();
  const join = (target: string): string =>
    columns
      .map((column, index) => `${columnOf(target, column)} = ${keys}.${quoteIdentifier(`k${index}`)}`)
      .join(" AND ");
  const value = relatedSql();
  const first = writer.finish("", []).parameters.length + 1;
  const arrays = columns.map((column, index) => `$${first + index}::text[]::${arrayOf(column.type).sql}`);
  const names = [...columns.map((_column, index) => quoteIdentifier(`k${index}`)), "place"];
  return writer.finish(
    `SELECT coalesce((${value})::text, 'null') AS data FROM unnest(${arrays.join(", ")}) WITH ORDINALITY AS ${keys}(${names.join(", ")}) ORDER BY ${keys}.place`,
    DATA,
  );

  function relatedSql(): string {
    switch (related.kind) {
      case "object":
        return oneRowSql(
          writer,
          related.target,
          related.rows,
          (own) => `${join(own)} AND ${expressionSql(writer, related.filter, own)}`,
        );
      case "array":
        return listSql(writer, related.select, related.select.rows, join);
      case "aggregate":
        return aggregateJson(writer, related.select, join);
    }
  }
}
