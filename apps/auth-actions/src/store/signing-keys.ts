import { type Queryable, signingKeys } from "@control-plane/db";
import { inArray, sql } from "drizzle-orm";
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

export async function insertSigningKey(tx: Queryable, key: Omit<StoredSigningKey, "state">): Promise<void> {
  await tx.insert(signingKeys).values({ ...key, state: "CURRENT", promotedAt: sql`now()` });
}

/** Makes several replicas take turns until the transaction ends. */
export async function lockSigningKeys(tx: Queryable): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('signing_keys', 0))`);
}
