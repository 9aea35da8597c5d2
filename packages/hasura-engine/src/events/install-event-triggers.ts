import type pg from "pg";
import type { EventTrigger } from "../model/model.ts";
import { inTransaction } from "../run/transaction.ts";
import { quoteIdentifier } from "../sql/identifier.ts";
import { type Capture, capturesOf } from "./capture-function.ts";
import { createOwnTables, INSTALL_LOCK, OWN_SCHEMA } from "./own-tables.ts";
import { typesWithoutEquality } from "./types-without-equality.ts";

/** A capturing function in the database, with the table its trigger hangs on; none if that table or trigger is gone. */
type Present = { readonly name: string; readonly schema: string | null; readonly table: string | null };

/**
 * Brings the capturing database triggers in line with the metadata: what is missing is made, what nobody names any more
 * is dropped, all in one transaction per table, so that no change of a row is captured twice or by half.
 */
export async function installEventTriggers(
  pool: pg.Pool,
  triggers: readonly EventTrigger[],
  stringifyNumericTypes: boolean,
): Promise<void> {
  const withoutEquality = await typesWithoutEquality(pool, triggers);
  const wanted = triggers.flatMap((trigger) => capturesOf(trigger, { stringifyNumericTypes, withoutEquality }));
  const names = new Set(wanted.map(({ name }) => name));
  const present = await inTurn(pool, async (client) => {
    await createOwnTables(client);
    return readPresent(client);
  });
  const tables = new Map([...wanted, ...present].map((place) => [keyOf(place), place]));
  for (const key of tables.keys()) {
    await inTurn(pool, (client) =>
      alignTable(
        client,
        key,
        wanted.filter((capture) => keyOf(capture) === key),
        names,
      ),
    );
  }
}

function keyOf({ schema, table }: { schema: string | null; table: string | null }): string {
  return JSON.stringify([schema, table]);
}

async function alignTable(
  client: pg.PoolClient,
  key: string,
  wanted: readonly Capture[],
  allWanted: ReadonlySet<string>,
): Promise<void> {
  const present = await readPresent(client);
  const there = new Set(present.filter((found) => keyOf(found) === key).map(({ name }) => name));
  for (const name of there) if (!allWanted.has(name)) await dropFunction(client, name);
  for (const { name, functionSql, triggerSql } of wanted) {
    if (there.has(name)) continue;
    // The table was dropped and made again, or somebody took its trigger away: only the function is left.
    if (present.some((found) => found.name === name)) await dropFunction(client, name);
    await client.query(functionSql);
    await client.query(triggerSql);
  }
}

function dropFunction(client: pg.PoolClient, name: string): Promise<unknown> {
  return client.query(`drop function ${OWN_SCHEMA}.${quoteIdentifier(name)}() cascade`);
}

/** Partitions carry copies of their parent's trigger; only the parent's counts. */
async function readPresent(client: pg.PoolClient): Promise<Present[]> {
  const { rows } = await client.query<Present>(
    `select p.proname as name, n.nspname as schema, c.relname as table
       from pg_proc p
       join pg_namespace own on own.oid = p.pronamespace
       left join pg_trigger t on t.tgfoid = p.oid and t.tgparentid = 0
       left join pg_class c on c.oid = t.tgrelid
       left join pg_namespace n on n.oid = c.relnamespace
      where own.nspname = $1 and p.proname like 'event\\_%'`,
    [OWN_SCHEMA],
  );
  return rows;
}

/** Engines that start on one database at the same time take turns. */
function inTurn<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock($1)", [INSTALL_LOCK]);
    return work(client);
  });
}
