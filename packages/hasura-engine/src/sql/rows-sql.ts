import { TEXT, TEXT_ARRAY } from "../catalog/builtin-types.ts";
import { BIG_NUMBER_TYPES, type PgType } from "../catalog/pg-type.ts";
import type { Column, Table } from "../model/model.ts";
import type { Parameter } from "../model/permissions/expression.ts";
import { arrayLiteral } from "../model/permissions/literal.ts";
import type {
  AggregateField,
  AggregateOutput,
  AggregateSelect,
  OrderItem,
  RowField,
  RowSelection,
  RowSource,
} from "../plan/plan.ts";
import { boundedListSql, listBytes } from "./bounded-list.ts";
import { expressionSql, joinSql } from "./expression-sql.ts";
import { columnOf, quoteLiteral, tableName } from "./identifier.ts";
import type { CompileOptions, Writer } from "./statement.ts";

/** A value of the type for the answer: big numbers as texts where that is asked for. */
export function numbersAsTexts(
  value: string,
  type: PgType,
  { stringifyNumericTypes }: Pick<CompileOptions, "stringifyNumericTypes">,
): string {
  if (!stringifyNumericTypes || !BIG_NUMBER_TYPES.has(type.element?.baseName ?? type.baseName)) return value;
  return type.kind === "array" ? `${value}::text[]` : `${value}::text`;
}

/** A JSON object in the order of the entries; JSON_OBJECT takes any number of them, json_build_object only 50. */
export function jsonObject(entries: readonly { readonly key: string; readonly value: string }[]): string {
  const members = entries.map(({ key, value }) => `${key} VALUE ${value}`);
  // Without RETURNING a jsonb value among them would make the whole object jsonb, which sorts its keys.
  return `JSON_OBJECT(${members.join(", ")} RETURNING json)`;
}

/** A key of the answer: what the client called it is a parameter as all its text is, a name of the schema stands as it is. */
function keySql(writer: Writer, { alias, field }: { readonly alias: string; readonly field: string }): string {
  return alias === field ? quoteLiteral(field) : `(${writer.bind({ from: "constant", type: TEXT, text: alias })})`;
}

/** One row as JSON: columns, and relationships as correlated subqueries, which keep the outer order. */
export function rowJson(writer: Writer, rows: RowSelection, own: string): string {
  return jsonObject(rows.fields.map((field) => ({ key: keySql(writer, field), value: fieldSql(writer, field, own) })));
}

function fieldSql(writer: Writer, field: RowField, own: string): string {
  switch (field.kind) {
    case "typename":
      return `${quoteLiteral(field.value)}::text`;
    case "column":
      return columnSql(writer, field.column, field.jsonPath, own);
    case "object": {
      const target = writer.alias();
      const where = `${joinSql(field.relationship, own, target)} AND ${expressionSql(writer, field.filter, target)}`;
      return `(SELECT ${rowJson(writer, field.rows, target)} FROM ${tableName(field.rows.table)} ${target} WHERE ${where} LIMIT 1)`;
    }
    case "array":
      return `(${listSql(writer, field.select, field.select.rows, (target) => joinSql(field.relationship, own, target))})`;
    case "aggregate":
      return `(${aggregateJson(writer, field.select, (target) => joinSql(field.relationship, own, target))})`;
    case "remote":
      return joinCellSql(field.join.relationship.lhsColumns, own);
  }
}

/** The grammar of JSON_ARRAY has no NULL clause without values. */
function joinCellSql(columns: readonly Column[], own: string): string {
  if (columns.length === 0) return "JSON_ARRAY(RETURNING json)";
  return `JSON_ARRAY(${columns.map((column) => columnOf(own, column)).join(", ")} NULL ON NULL RETURNING json)`;
}

function columnSql(writer: Writer, column: Column, jsonPath: readonly string[] | undefined, own: string): string {
  const plain = columnOf(own, column);
  if (jsonPath !== undefined && jsonPath.length > 0) return `(${plain} #> ${writer.bind(pathParameter(jsonPath))})`;
  return numbersAsTexts(plain, column.type, writer.options);
}

function pathParameter(steps: readonly string[]): Parameter {
  return { from: "constant", type: TEXT_ARRAY, text: arrayLiteral(steps, TEXT) };
}

/** `SELECT <json list>`: the rows of a source, each as JSON; `[]` for none. */
export function listSql(
  writer: Writer,
  source: RowSource,
  rows: RowSelection,
  join: ((target: string) => string) | undefined,
): string {
  const own = writer.alias();
  const from = sourceSql(writer, source, own, join, limitSql(writer, source.limit, source.permissionLimit));
  return boundedListSql(writer, rowJson(writer, rows, own), from, listBytes({ ...source, rows }));
}

/** A FROM item of alias `own` with the source's rows, chosen and ordered. */
function sourceSql(
  writer: Writer,
  source: RowSource,
  own: string,
  join: ((target: string) => string) | undefined,
  limit: string | undefined,
): string {
  const base = writer.alias();
  const where = expressionSql(writer, source.where, base);
  const condition = [join?.(base), where === "TRUE" ? undefined : where].filter((part) => part !== undefined);
  const clauses = [
    `SELECT ${source.distinctOn.length === 0 ? "" : `DISTINCT ON (${source.distinctOn.map((column) => columnOf(base, column)).join(", ")}) `}${base}.*`,
    `FROM ${tableName(source.table)} ${base}`,
    condition.length === 0 ? undefined : `WHERE ${condition.join(" AND ")}`,
    orderSql(writer, source.orderBy, base),
    limit === undefined ? undefined : `LIMIT ${limit}`,
    source.offset === undefined ? undefined : `OFFSET ${writer.bind(source.offset)}`,
  ];
  return `(${clauses.filter((clause) => clause !== undefined).join(" ")}) ${own}`;
}

/** The smaller of what the client and the permission allow. */
function limitSql(
  writer: Writer,
  limit: Parameter | undefined,
  permissionLimit: number | undefined,
): string | undefined {
  if (limit === undefined) return permissionLimit === undefined ? undefined : String(permissionLimit);
  const asked = writer.bind(limit);
  return permissionLimit === undefined ? asked : `least(${asked}, ${permissionLimit})`;
}

function orderSql(writer: Writer, orderBy: readonly OrderItem[], own: string): string | undefined {
  if (orderBy.length === 0) return undefined;
  const items = orderBy.map(
    (item) =>
      `${orderKey(writer, item, own)} ${item.direction === "asc" ? "ASC" : "DESC"} NULLS ${item.nulls === "first" ? "FIRST" : "LAST"}`,
  );
  return `ORDER BY ${items.join(", ")}`;
}

function orderKey(writer: Writer, item: OrderItem, own: string): string {
  return throughSql(writer, item.through, own, (row) => {
    const { by } = item;
    if (by.kind === "column") return columnOf(row, by.column);
    const target = writer.alias();
    const call = by.column === undefined ? `${by.function}(*)` : `${by.function}(${columnOf(target, by.column)})`;
    const where = `${joinSql(by.relationship, row, target)} AND ${expressionSql(writer, by.filter, target)}`;
    return `(SELECT ${call} FROM ${tableName(by.target)} ${target} WHERE ${where})`;
  });
}

/** Walks object relationships down to the row that orders. */
function throughSql(writer: Writer, through: OrderItem["through"], own: string, key: (row: string) => string): string {
  const [step, ...rest] = through;
  if (step === undefined) return key(own);
  const target = writer.alias();
  const where = `${joinSql(step.relationship, own, target)} AND ${expressionSql(writer, step.filter, target)}`;
  return `(SELECT ${throughSql(writer, rest, target, key)} FROM ${tableName(step.target)} ${target} WHERE ${where} LIMIT 1)`;
}

/** `SELECT <json>` of at most one row; no row gives no result row. */
export function oneRowSql(writer: Writer, table: Table, rows: RowSelection, where: (own: string) => string): string {
  const own = writer.alias();
  return `SELECT ${rowJson(writer, rows, own)} FROM ${tableName(table)} ${own} WHERE ${where(own)} LIMIT 1`;
}

// --- Aggregates -----------------------------------------------------------------------------------------------------

/**
 * `SELECT <json object>` of an aggregate: the client's limit and offset narrow both parts, the permission's limit caps
 * `nodes` only. The rows are read once, as a common table expression.
 */
export function aggregateJson(
  writer: Writer,
  select: AggregateSelect,
  join: ((target: string) => string) | undefined,
): string {
  const base = writer.alias();
  const own = writer.alias();
  const limit = select.limit === undefined ? undefined : writer.bind(select.limit);
  const source = sourceSql(writer, select, own, join, limit);
  const entries = select.fields.map((output) => ({
    key: keySql(writer, output),
    value: outputSql(writer, output, base, select),
  }));
  return `WITH ${base} AS (SELECT * FROM ${source}) SELECT ${jsonObject(entries)}`;
}

function outputSql(writer: Writer, output: AggregateOutput, base: string, select: AggregateSelect): string {
  switch (output.kind) {
    case "typename":
      return `${quoteLiteral(output.value)}::text`;
    case "nodes": {
      const own = writer.alias();
      const { permissionLimit } = select;
      const capped =
        permissionLimit === undefined ? `${base} ${own}` : `(SELECT * FROM ${base} LIMIT ${permissionLimit}) ${own}`;
      const bytes = listBytes({ ...select, rows: output.rows });
      return `(${boundedListSql(writer, rowJson(writer, output.rows, own), capped, bytes)})`;
    }
    case "aggregate": {
      const own = writer.alias();
      const entries = output.fields.map((field) => ({
        key: keySql(writer, field),
        value: aggregateFieldSql(writer, field, own),
      }));
      return `(SELECT ${jsonObject(entries)} FROM ${base} ${own}${output.fields.some(isComputed) ? "" : " GROUP BY ()"})`;
    }
  }
}

/** Whether PostgreSQL sees an aggregate function, which makes one row of any number; names of types alone do not. */
function isComputed(field: AggregateField): boolean {
  switch (field.kind) {
    case "typename":
      return false;
    case "count":
      return true;
    case "function":
      return field.columns.some(({ kind }) => kind === "column");
  }
}

function aggregateFieldSql(writer: Writer, field: AggregateField, own: string): string {
  switch (field.kind) {
    case "typename":
      return `${quoteLiteral(field.value)}::text`;
    case "count": {
      const columns = field.columns.map((column) => columnOf(own, column));
      const counted = columns.length === 0 ? "*" : columns.length === 1 ? columns[0] : `(${columns.join(", ")})`;
      return `count(${field.distinct && columns.length > 0 ? "DISTINCT " : ""}${counted})`;
    }
    case "function":
      return jsonObject(
        field.columns.map((item) => {
          const key = keySql(writer, item);
          if (item.kind === "typename") return { key, value: `${quoteLiteral(item.value)}::text` };
          const call = `${field.function}(${columnOf(own, item.column)})`;
          return { key, value: numbersAsTexts(call, item.column.type, writer.options) };
        }),
      );
  }
}
