import { can } from "../catalog/pg-type.ts";
import { HasuraError } from "../hasura-error.ts";
import type { Column } from "../model/model.ts";

/** Throws for columns whose values PostgreSQL cannot tell apart, those of json and its like. */
export function refuseIndistinct(columns: readonly Column[], path: string): void {
  const column = columns.find(({ type }) => !can(type, "order"));
  if (column === undefined) return;
  throw new HasuraError(
    "validation-failed",
    `values of column "${column.graphqlName}" of type "${column.type.name}" cannot be told apart`,
    path,
  );
}
