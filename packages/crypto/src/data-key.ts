import { randomBytes } from "node:crypto";
import type { KeyProvider } from "./key-provider.ts";
import { uuidv7 } from "./uuid.ts";

/** A row of `internal.data_keys`. */
export type WrappedKey = { id: string; tenantId: string | null; kekId: string; wrappedKey: Buffer };

export const DATA_KEY_BYTES = 32;

/** A new key of a tenant, or of the platform for null, wrapped with the provider's present key. */
export async function makeDataKey(provider: KeyProvider, tenantId: string | null): Promise<WrappedKey> {
  const id = uuidv7();
  const dek = randomBytes(DATA_KEY_BYTES);
  const { kekId, wrapped } = await provider.wrap(dek, wrapContext({ id, tenantId }));
  dek.fill(0);
  return { id, tenantId, kekId, wrappedKey: wrapped };
}

/** The same key, wrapped with the provider's present key instead of a former one. */
export async function rewrapDataKey(provider: KeyProvider, key: WrappedKey): Promise<WrappedKey> {
  const dek = await provider.unwrap({ kekId: key.kekId, wrapped: key.wrappedKey }, wrapContext(key));
  const { kekId, wrapped } = await provider.wrap(dek, wrapContext(key));
  dek.fill(0);
  return { ...key, kekId, wrappedKey: wrapped };
}

/** Binds a wrapped key to its own row. */
export function wrapContext({ id, tenantId }: Pick<WrappedKey, "id" | "tenantId">): string {
  return `cp|dek|v1|${id}|${tenantId ?? "platform"}`;
}
