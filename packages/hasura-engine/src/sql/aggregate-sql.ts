import type { AggregateField, AggregateOutput, AggregateSelect } from "../request/plan.ts";
import { columnOf, quoteLiteral } from "./identifier.ts";
import { isStringified, jsonObject, rowJson, sourceSql } from "./rows-sql.ts";
import type { Writer } from "./statement.ts";

/**
 * `SELECT <json object>` of an aggregate: the client's limit and offset narrow both parts, the permission's limit caps
 * `nodes` only. The rows are read once, as a common table expression.
 */
export function aggregateJson(writer: Writer, select: AggregateSelect, join: ((target: string) => string) | undefined): string {
  const base = writer.alias();
  const own = writer.alias();
  const limit = select.limit === undefined ? undefined : writer.bind(select.limit);
  const source = sourceSql(writer, select, own, join, limit);
  const entries = select.fields.map((output) => ({ alias: output.alias, value: outputSql(writer, output, base, select.permissionLimit) }));
  return `WITH ${base} AS (SELECT * FROM ${source}) SELECT ${jsonObject(entries)}`;
}

function outputSql(writer: Writer, output: AggregateOutput, base: string, permissionLimit: number | undefined): string {
  switch (output.kind) {
    case "typename":
      return `${quoteLiteral(output.value)}::text`;
    case "nodes": {
      const [own, row] = [writer.alias(), writer.alias()];
      const capped = permissionLimit === undefined ? `${base} ${own}` : `(SELECT * FROM ${base} LIMIT ${permissionLimit}) ${own}`;
      return `(SELECT coalesce(json_agg(${row}.j), '[]') FROM (SELECT ${rowJson(writer, output.rows, own)} AS j FROM ${capped}) ${row})`;
    }
    case "aggregate": {
      const own = writer.alias();
      const entries = output.fields.map((field) => ({ alias: field.alias, value: aggregateFieldSql(writer, field, own) }));
      return `(SELECT ${jsonObject(entries)} FROM ${base} ${own})`;
    }
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
          if (item.kind === "typename") return { alias: item.alias, value: `${quoteLiteral(item.value)}::text` };
          const call = `${field.function}(${columnOf(own, item.column)})`;
          return { alias: item.alias, value: isStringified(writer, item.column.type) ? `${call}::text` : call };
        }),
      );
  }
}
