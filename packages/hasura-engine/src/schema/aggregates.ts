import { AVERAGED_TYPES, can, NUMERIC_TYPES, ORDERABLE_TYPES, type PgType } from "../catalog/pg-type.ts";
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
  return select.columns.filter(({ type, enumTable }) => enumTable === undefined && fits(name, type));
}

function fits(name: ColumnAggregate, type: PgType): boolean {
  switch (name) {
    case "max":
    case "min":
      if (type.kind === "enum") return true;
      return (type.kind === "array" || ORDERABLE_TYPES.has(type.baseName)) && can(type, "max");
    case "sum":
      return NUMERIC_TYPES.has(type.baseName);
    default:
      return AVERAGED_TYPES.has(type.baseName);
  }
}
