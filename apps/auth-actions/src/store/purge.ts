import { type Database, inBatches } from "@control-plane/db";
import { type SQL, sql } from "drizzle-orm";

/** What ended longer ago is deleted. */
const LONG_AGO = sql`now() - interval '30 days'`;

/** With their refresh tokens. */
export function deleteEndedSessions(db: Database): Promise<number> {
  return deleteRows(db, sql`internal.sessions`, sql`least(ended_at, expires_at) < ${LONG_AGO}`);
}

export function deleteEndedPasswordResets(db: Database): Promise<number> {
  return deleteRows(db, sql`internal.password_resets`, sql`least(used_at, expires_at) < ${LONG_AGO}`);
}

export function deleteEndedAccessKeys(db: Database): Promise<number> {
  return deleteRows(db, sql`internal.access_keys`, sql`least(revoked_at, expires_at) < ${LONG_AGO}`);
}

/** Sent or given up; an invitation of a mail that nobody took is long past its time by then. */
export function deleteFinishedEmails(db: Database): Promise<number> {
  return deleteRows(db, sql`internal.emails`, sql`status <> 'QUEUED' and updated_at < ${LONG_AGO}`);
}

function deleteRows(db: Database, table: SQL, ended: SQL): Promise<number> {
  return inBatches(async (rowsMax) => {
    const { rowCount } = await db.execute(
      sql`delete from ${table} where id in (select id from ${table} where ${ended} limit ${rowsMax})`,
    );
    return rowCount ?? 0;
  });
}
