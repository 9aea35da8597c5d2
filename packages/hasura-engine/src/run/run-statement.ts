import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Holder } from "../session/holder.ts";
import { createCountShares } from "../shares/count-shares.ts";
import { type Bindings, bindParameters } from "../sql/bind-parameters.ts";
import type { Statement } from "../sql/statement.ts";
import type { Connection } from "./connections.ts";
import { mapPostgresError } from "./postgres-error.ts";

export type ResultRow = Readonly<Record<string, unknown>>;

/** Statements that PostgreSQL keeps planned, by name, on each connection; beyond these numbers they stay unnamed. */
const NAMED_MAX = 500;
const NAMED_EACH_MAX = 100;
/** A name that nobody uses any more is free again; connections live as long and take their plans along. */
export const NAME_UNUSED_MS_MAX = 10 * 60_000;
/** Longer ones are rare, and their plans would fill the memory of every connection. */
const NAMED_TEXT_MAX = 8_000;
const namesOf = createCountShares(NAMED_EACH_MAX);
const names = new LRUCache<string, { readonly name: string; readonly holder: Holder }>({
  max: NAMED_MAX,
  ttl: NAME_UNUSED_MS_MAX,
  updateAgeOnGet: true,
  ttlAutopurge: true,
  dispose: ({ holder }) => namesOf.giveBack(holder),
});
const seen = new WeakSet<Statement>();

/** A statement that comes a second time is worth a name: parsing and planning are then paid once per connection. */
function nameOf(statement: Statement, holder: Holder): string | undefined {
  if (statement.text.length > NAMED_TEXT_MAX) return undefined;
  if (!seen.has(statement)) {
    seen.add(statement);
    return undefined;
  }
  const known = names.get(statement.text);
  if (known !== undefined) return known.name;
  if (names.size >= NAMED_MAX || !namesOf.take(holder)) return undefined;
  const name = `e_${createHash("sha256").update(statement.text).digest("hex").slice(0, 40)}`;
  names.set(statement.text, { name, holder });
  return name;
}

/** Runs a statement and returns its rows. Driver errors come out as HasuraError with `path`. */
export async function runStatement(
  connection: Connection,
  statement: Statement,
  bindings: Bindings,
  path = "$",
  more: readonly unknown[] = [],
): Promise<readonly ResultRow[]> {
  const values = [...bindParameters(statement.parameters, bindings), ...more];
  const name = nameOf(statement, connection.holder);
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
