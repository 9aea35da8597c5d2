import { type Bindings, bindParameters } from "../sql/bind-parameters.ts";
import type { Statement } from "../sql/statement.ts";
import type { Connection } from "./connections.ts";
import { mapPostgresError } from "./postgres-error.ts";
import { createStatementNames } from "./statement-names.ts";

/** Values as PostgreSQL writes them. */
export type ResultRow = Readonly<Record<string, string | null>>;

/** Connections live as long, so that a plan goes with its name. */
export const NAME_UNUSED_MS_MAX = 10 * 60_000;
const names = createStatementNames({ max: 500, eachMax: 100, unusedMsMax: NAME_UNUSED_MS_MAX, textMax: 8_000 });

/** Runs a statement and returns its rows. Driver errors come out as HasuraError with `path`. */
export async function runStatement(
  connection: Connection,
  statement: Statement,
  bindings: Bindings,
  path = "$",
  more: readonly (string | null)[] = [],
): Promise<readonly ResultRow[]> {
  const values = [...bindParameters(statement.parameters, bindings), ...more];
  const name = names.nameOf(statement, connection.holder);
  try {
    const rows = await connection.query({ name, text: statement.text, values });
    return rows.map((row) => Object.fromEntries(row.map((value, index) => [statement.columns[index], value])));
  } catch (error) {
    throw mapPostgresError(error, path);
  }
}

/** A text column of the only row. */
export function textOf(rows: readonly ResultRow[], column: string): string {
  const value = rows[0]?.[column];
  if (typeof value !== "string") throw new Error(`the statement answered no ${column}`);
  return value;
}
