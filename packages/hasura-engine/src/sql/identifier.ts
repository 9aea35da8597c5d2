import type { Column, Table } from "../model/model.ts";

/** Names come from the catalogue only; quoted they can be anything. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** For names of the schema and other texts of our own choosing; a client's text is never a literal. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function tableName(table: Table): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}

export function columnOf(alias: string, column: Column): string {
  return `${alias}.${quoteIdentifier(column.name)}`;
}
