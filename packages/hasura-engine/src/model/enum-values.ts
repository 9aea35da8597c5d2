import type { Catalog, CatalogTable } from "../catalog/catalog.ts";
import { InconsistencyError } from "./inconsistency.ts";
import { isEnumValueName } from "./names.ts";

/** Value -> description of an enum table; refuses tables without a text key, with too many columns or without rows. */
export function enumValues(table: CatalogTable, catalog: Catalog): Map<string, string | undefined> {
  const refuse = (reason: string): never => {
    throw new InconsistencyError(
      "constraint-violation",
      `the table "${table.name}" cannot be used as an enum because ${reason}`,
    );
  };
  const key = table.primaryKey?.columns ?? [];
  if (key.length === 0) refuse("the table must have a primary key");
  if (key.length > 1) refuse("the table's primary key must not span multiple columns");
  if (table.columns.length > 2) {
    refuse(
      "the table must have exactly one primary key and optionally one comment column, but it has additional columns",
    );
  }
  for (const column of table.columns) {
    if (column.type.baseName !== "text" && column.type.baseName !== "varchar") {
      refuse(`the column "${column.name}" must have type "text", but it has type "${column.type.name}"`);
    }
  }
  const keyIndex = table.columns.findIndex(({ name }) => name === key[0]);
  const values = new Map<string, string | undefined>();
  for (const row of catalog.enumRows.get(`${table.schema}.${table.name}`) ?? []) {
    const value = row[keyIndex] ?? "";
    if (!isEnumValueName(value)) {
      refuse(`the value "${value}" is not a valid GraphQL enum value name`);
    }
    values.set(value, row.find((_, index) => index !== keyIndex) ?? undefined);
  }
  if (values.size === 0) refuse("the table must have at least one row");
  return values;
}
