import { type Queryable, signingKeys } from "@control-plane/db";
import { and, eq, inArray, ne, sql } from "drizzle-orm";
import { z } from "zod";

const storedJwkSchema = z.object({ kty: z.string(), n: z.string(), e: z.string() });

export type StoredSigningKey = {
  id: string;
  kid: string;
  state: "NEXT" | "CURRENT" | "RETIRING" | "RETIRED";
  publicJwk: z.infer<typeof storedJwkSchema>;
  privateKeyCipher: Buffer;
};

/** Keys that verifiers must know: announced, in use, and in use until a moment ago. */
export async function findPublishedKeys(db: Queryable): Promise<StoredSigningKey[]> {
  const rows = await db
    .select()
    .from(signingKeys)
    .where(inArray(signingKeys.state, ["NEXT", "CURRENT", "RETIRING"]))
    .orderBy(signingKeys.createdAt);
  return rows.map(({ id, kid, state, publicJwk, privateKeyCipher }) => ({
    id,
    kid,
    state,
    publicJwk: storedJwkSchema.parse(publicJwk),
    privateKeyCipher,
  }));
}

export type NewSigningKey = Omit<StoredSigningKey, "state">;

export async function insertSigningKey(tx: Queryable, key: NewSigningKey, state: "NEXT" | "CURRENT"): Promise<void> {
  await tx.insert(signingKeys).values({ ...key, state, promotedAt: state === "CURRENT" ? sql`now()` : null });
}

export type LiveKey = {
  id: string;
  kid: string;
  state: "NEXT" | "CURRENT" | "RETIRING" | "RETIRED";
  createdSecondsAgo: number;
  promotedSecondsAgo: number;
};

/** Keys that are not RETIRED, with how long ago, by the database's clock, they were made and promoted. */
export async function listLiveKeys(db: Queryable): Promise<LiveKey[]> {
  return db
    .select({
      id: signingKeys.id,
      kid: signingKeys.kid,
      state: signingKeys.state,
      createdSecondsAgo: sql<number>`extract(epoch from now() - ${signingKeys.createdAt})::float8`,
      promotedSecondsAgo: sql<number>`coalesce(extract(epoch from now() - ${signingKeys.promotedAt}), 0)::float8`,
    })
    .from(signingKeys)
    .where(ne(signingKeys.state, "RETIRED"))
    .orderBy(signingKeys.createdAt);
}

/** False when the key is in another state than it was seen in. */
export async function setKeyState(
  tx: Queryable,
  id: string,
  from: LiveKey["state"],
  to: "CURRENT" | "RETIRING" | "RETIRED",
): Promise<boolean> {
  const moved = await tx
    .update(signingKeys)
    .set({ state: to, ...(to === "CURRENT" ? { promotedAt: sql`now()` } : {}) })
    .where(and(eq(signingKeys.id, id), eq(signingKeys.state, from)))
    .returning({ id: signingKeys.id });
  return moved.length > 0;
}

/** Makes several replicas take turns until the transaction ends. */
export async function lockSigningKeys(tx: Queryable): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('signing_keys', 0))`);
}
