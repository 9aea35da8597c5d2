import type pg from "pg";
import { type SentStatement, statementMessages } from "./statement-messages.ts";

/** A row's values as PostgreSQL writes them, in the order of the statement's columns. */
export type TextRow = readonly (string | null)[];

/** Names that a connection knows statements by. */
const namesOf = new WeakMap<pg.ClientBase, Set<string>>();

/**
 * Runs one statement in a single write, and reads its rows as texts: that the driver would write four messages apart, ask
 * for a description of the columns and look up how to parse them costs it more than all the rest.
 */
export function sendStatement(client: pg.ClientBase, statement: SentStatement): Promise<readonly TextRow[]> {
  const names = namesOf.get(client) ?? new Set<string>();
  namesOf.set(client, names);
  const { name } = statement;
  const isNew = name === undefined || !names.has(name);
  const bytes = statementMessages(statement, isNew);
  if (isNew && name !== undefined) names.add(name);
  return new Promise((resolve, reject) => {
    const rows: TextRow[] = [];
    // What the driver tells the query that it has at work.
    client.query({
      submit({ stream }: pg.Connection) {
        stream.write(bytes);
      },
      handleDataRow({ fields }: { readonly fields: TextRow }) {
        rows.push(fields);
      },
      handleCommandComplete() {},
      handleReadyForQuery() {
        resolve(rows);
      },
      handleError(error: Error) {
        // Whether it came so far as to have the name is not known.
        if (isNew && name !== undefined) names.delete(name);
        reject(error);
      },
    });
  });
}
