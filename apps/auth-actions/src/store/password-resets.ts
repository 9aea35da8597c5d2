import { passwordResets, type Queryable, users } from "@control-plane/db";
import { and, eq, gt, isNull, sql } from "drizzle-orm";

const RESET_TOKEN_MINUTES = 60;

/** When a token made at this moment expires, by the clock of the database. */
export async function resetTokenExpiry(db: Queryable): Promise<Date> {
  const { rows } = await db.execute<{ at: string }>(
    sql`select now() + make_interval(mins => ${RESET_TOKEN_MINUTES}) as at`,
  );
  return new Date(rows[0]?.at ?? Number.NaN);
}

export async function insertReset(
  tx: Queryable,
  reset: { userId: string; tokenHash: Buffer; expiresAt: Date },
): Promise<string> {
  const [row] = await tx.insert(passwordResets).values(reset).returning({ id: passwordResets.id });
  if (row === undefined) throw new Error("the reset was not inserted");
  return row.id;
}

/** No open token of the user works from then on. */
export async function closeResets(tx: Queryable, userId: string): Promise<void> {
  await tx
    .update(passwordResets)
    .set({ usedAt: sql`now()` })
    .where(and(eq(passwordResets.userId, userId), isNull(passwordResets.usedAt)));
}

/** Whose token it is, while it is open. */
export async function findOpenReset(
  db: Queryable,
  tokenHash: Buffer,
): Promise<{ userId: string; email: string; lastTenantId: string | null } | undefined> {
  const [reset] = await db
    .select({ userId: users.id, email: users.email, lastTenantId: users.lastTenantId })
    .from(passwordResets)
    .innerJoin(users, eq(users.id, passwordResets.userId))
    .where(isOpen(tokenHash));
  return reset;
}

/** Uses the token up. False for all but one of those who try. */
export async function takeReset(tx: Queryable, tokenHash: Buffer): Promise<boolean> {
  const taken = await tx
    .update(passwordResets)
    .set({ usedAt: sql`now()` })
    .where(isOpen(tokenHash))
    .returning({ id: passwordResets.id });
  return taken.length === 1;
}

const isOpen = (tokenHash: Buffer) =>
  and(eq(passwordResets.tokenHash, tokenHash), isNull(passwordResets.usedAt), gt(passwordResets.expiresAt, sql`now()`));
