import type { Column, PgType } from "../model/model.ts";
import type { AggregateFunction } from "../request/plan.ts";
import type { SelectAccess } from "./role-access.ts";

export const AGGREGATES = [
  "avg",
  "max",
  "min",
  "stddev",
  "stddev_pop",
  "stddev_samp",
  "sum",
  "var_pop",
  "var_samp",
  "variance",
] as const satisfies readonly Exclude<AggregateFunction, "count">[];
export type ColumnAggregate = (typeof AGGREGATES)[number];

const NUMERIC = new Set(["int2", "int4", "int8", "float4", "float8", "numeric", "money"]);
const ORDERABLE = new Set([
  "int2",
  "int4",
  "int8",
  "float4",
  "float8",
  "numeric",
  "money",
  "text",
  "varchar",
  "bpchar",
  "citext",
  "name",
  "char",
  "date",
  "timestamp",
  "timestamptz",
  "timetz",
  "uuid",
  "ltree",
]);

/** Columns an aggregate function is offered for; none means the function is absent. */
export function aggregateColumns(select: SelectAccess, name: ColumnAggregate): readonly Column[] {
  const fits = name === "max" || name === "min" ? isOrderable : (type: PgType) => NUMERIC.has(type.baseName);
  return select.columns.filter(({ type, enumTable }) => enumTable === undefined && fits(type));
}

function isOrderable(type: PgType): boolean {
  return type.kind === "enum" || type.kind === "array" || ORDERABLE.has(type.baseName);
}
