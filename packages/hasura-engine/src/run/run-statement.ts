import { createHash } from "node:crypto";
import type pg from "pg";
import { type Bindings, bindParameters } from "../sql/bind-parameters.ts";
import type { Statement } from "../sql/statement.ts";
import { mapPostgresError } from "./postgres-error.ts";

export type Connection = pg.Pool | pg.PoolClient;
export type ResultRow = Readonly<Record<string, unknown>>;

/** Statements that PostgreSQL keeps planned, by name, on each connection; beyond this number they stay unnamed. */
const NAMED_MAX = 500;
/** Longer ones are rare, and their plans would fill the memory of every connection. */
const NAMED_TEXT_MAX = 8_000;
const names = new Map<string, string>();
const seen = new WeakSet<Statement>();

/** A statement that comes a second time is worth a name: parsing and planning are then paid once per connection. */
function nameOf(statement: Statement): string | undefined {
  if (statement.text.length > NAMED_TEXT_MAX) return undefined;
  if (!seen.has(statement)) {
    seen.add(statement);
    return undefined;
  }
  const known = names.get(statement.text);
  if (known !== undefined || names.size >= NAMED_MAX) return known;
  const name = `e_${createHash("sha256").update(statement.text).digest("hex").slice(0, 40)}`;
  names.set(statement.text, name);
  return name;
}

/** Runs a statement and answers its rows. Driver errors come out as HasuraError with `path`. */
export async function runStatement(
  connection: Connection,
  statement: Statement,
  bindings: Bindings,
  path = "$",
  more: readonly unknown[] = [],
): Promise<readonly ResultRow[]> {
  const values = [...bindParameters(statement.parameters, bindings), ...more];
  const name = nameOf(statement);
  try {
    const { rows } = await connection.query<Record<string, unknown>>({
      text: statement.text,
      values,
      ...(name === undefined ? {} : { name }),
    });
    return rows;
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
