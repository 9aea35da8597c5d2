import { NUMERIC_TYPES, ORDERABLE_TYPES, type PgType } from "../catalog/pg-type.ts";
import type { Column } from "../model/model.ts";
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
] as const;
export type ColumnAggregate = (typeof AGGREGATES)[number];
export type AggregateFunction = "count" | ColumnAggregate;

/** Columns an aggregate function is offered for; none means the function is absent. */
export function aggregateColumns(select: SelectAccess, name: ColumnAggregate): readonly Column[] {
  const fits = name === "max" || name === "min" ? isOrderable : (type: PgType) => NUMERIC_TYPES.has(type.baseName);
  return select.columns.filter(({ type, enumTable }) => enumTable === undefined && fits(type));
}

function isOrderable(type: PgType): boolean {
  if (type.kind === "array") return type.element !== undefined && type.element.baseName !== "json";
  return type.kind === "enum" || (ORDERABLE_TYPES.has(type.baseName) && type.unordered !== true);
}
