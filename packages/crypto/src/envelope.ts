import { createSecretKey, type KeyObject } from "node:crypto";
import { decryptAesGcm, encryptAesGcm } from "./aes-gcm.ts";
import { DATA_KEY_BYTES, makeDataKey, type WrappedKey, wrapContext } from "./data-key.ts";
import { type KeyProvider, KeyProviderUnavailableError } from "./key-provider.ts";

/** Where a sealed value stands. Moved anywhere else it does not open. */
export type Place = {
  /** Null = the platform's own. */
  tenantId: string | null;
  table: string;
  rowId: string;
  column: string;
};

export type Envelope = {
  seal(place: Place, plaintext: Buffer): Promise<Buffer>;
  /** Throws `EnvelopeError` for a value that was changed, moved or sealed with a key that is gone. */
  open(place: Place, sealed: Buffer): Promise<Buffer>;
};

export type EnvelopeDeps = {
  provider: KeyProvider;
  /** The ACTIVE key of a tenant, or of the platform. */
  loadKey(tenantId: string | null): Promise<WrappedKey | undefined>;
  loadKeyById(id: string): Promise<WrappedKey | undefined>;
  /** Inserts unless the tenant has an ACTIVE key already; the caller reads back. */
  insertKey(key: WrappedKey): Promise<void>;
  now?: () => number;
};

export class EnvelopeError extends Error {
  /** What is wrong: this one value, or the key of all values of its tenant. */
  readonly blames: "value" | "key";

  constructor(blames: "value" | "key", message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "EnvelopeError";
    this.blames = blames;
  }
}

const VERSION = 0x01;
const KEY_ID_BYTES = 16;
const HEADER_BYTES = 1 + KEY_ID_BYTES;
const SEALED_BYTES_MIN = HEADER_BYTES + 12 + 16;
const CACHE_MS = 5 * 60_000;
const CACHE_MAX = 1_000;

/**
 * Format: version 0x01, data key id (16 bytes), IV (12), AES-256-GCM ciphertext, tag (16). The AAD names tenant, table,
 * row, column and key, so a value opens only where it was sealed. Unwrapped keys live at most 5 minutes in memory.
 */
export function createEnvelope(deps: EnvelopeDeps): Envelope {
  const cache = createKeyCache(deps.now ?? Date.now);
  const unwrap = async (key: WrappedKey): Promise<KeyObject> => {
    const known = cache.get(key.id);
    if (known !== undefined) return known.dek;
    const dek = await unwrapKey(deps.provider, key);
    cache.set(key.id, dek);
    return dek;
  };
  return {
    async seal(place, plaintext) {
      const active = cache.active(place.tenantId) ?? (await activeKey(deps, cache, place.tenantId, unwrap));
      return encryptAesGcm(active.dek, plaintext, aad(place, active.id), active.header);
    },
    async open(place, sealed) {
      if (sealed.length < SEALED_BYTES_MIN || sealed[0] !== VERSION)
        throw new EnvelopeError("value", "not a sealed value");
      const id = idText(sealed.subarray(1, HEADER_BYTES));
      const dek = cache.get(id)?.dek ?? (await unwrapStored(deps, id, unwrap));
      try {
        return decryptAesGcm(dek, sealed.subarray(HEADER_BYTES), aad(place, id));
      } catch (error) {
        throw new EnvelopeError("value", "a sealed value does not open here", error);
      }
    },
  };
}

/** A provider that is away is told apart from one that refuses: only the second says something about the value. */
async function unwrapKey(provider: KeyProvider, key: WrappedKey): Promise<KeyObject> {
  const context = wrapContext(key);
  const dek = await provider.unwrap({ kekId: key.kekId, wrapped: key.wrappedKey }, context).catch((error: unknown) => {
    if (error instanceof KeyProviderUnavailableError) throw error;
    throw new EnvelopeError("key", "a data key does not unwrap", error);
  });
  if (dek.length !== DATA_KEY_BYTES) throw new EnvelopeError("key", "a data key has a wrong length");
  const object = createSecretKey(dek);
  dek.fill(0);
  return object;
}

async function unwrapStored(
  deps: EnvelopeDeps,
  id: string,
  unwrap: (key: WrappedKey) => Promise<KeyObject>,
): Promise<KeyObject> {
  const stored = await deps.loadKeyById(id);
  if (stored === undefined) throw new EnvelopeError("key", "the data key of a sealed value is gone");
  return unwrap(stored);
}

/** The tenant's ACTIVE key, made on first use; of several makers one wins and all read that one back. */
async function activeKey(
  deps: EnvelopeDeps,
  cache: KeyCache,
  tenantId: string | null,
  unwrap: (key: WrappedKey) => Promise<KeyObject>,
): Promise<CachedKey & { id: string }> {
  let key = await deps.loadKey(tenantId);
  if (key === undefined) {
    await deps.insertKey(await makeDataKey(deps.provider, tenantId));
    key = await deps.loadKey(tenantId);
  }
  if (key === undefined) throw new EnvelopeError("key", "there is no data key");
  const dek = await unwrap(key);
  cache.setActive(tenantId, key.id);
  return { id: key.id, dek, header: headerOf(key.id) };
}

function aad(place: Place, keyId: string): Buffer {
  return Buffer.from(
    `cp|v1|${place.tenantId ?? "platform"}|${place.table}|${place.rowId}|${place.column}|${keyId}`,
    "utf8",
  );
}

/** What every value begins with that the key seals. */
function headerOf(keyId: string): Buffer {
  return Buffer.concat([Buffer.from([VERSION]), Buffer.from(keyId.replaceAll("-", ""), "hex")]);
}

function idText(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

type CachedKey = { dek: KeyObject; header: Buffer };

type KeyCache = {
  get(id: string): CachedKey | undefined;
  set(id: string, dek: KeyObject): void;
  active(tenantId: string | null): (CachedKey & { id: string }) | undefined;
  setActive(tenantId: string | null, id: string): void;
};

/**
 * Bounded in time and count. A key is kept as the object that ciphers take, because making that object anew costs more than
 * sealing a kilobyte; Node overwrites its memory when nothing holds it any more.
 */
function createKeyCache(now: () => number): KeyCache {
  const entries = new Map<string, CachedKey & { until: number }>();
  const activeIds = new Map<string, string>();
  const get = (id: string): CachedKey | undefined => {
    const entry = entries.get(id);
    if (entry === undefined || entry.until > now()) return entry;
    entries.delete(id);
    return undefined;
  };
  return {
    get,
    set(id, dek) {
      entries.set(id, { dek, header: headerOf(id), until: now() + CACHE_MS });
      const [oldest] = entries.keys();
      if (entries.size > CACHE_MAX && oldest !== undefined) entries.delete(oldest);
    },
    active(tenantId) {
      const id = activeIds.get(tenantId ?? "platform");
      const entry = id === undefined ? undefined : get(id);
      return id === undefined || entry === undefined ? undefined : { id, dek: entry.dek, header: entry.header };
    },
    setActive(tenantId, id) {
      activeIds.set(tenantId ?? "platform", id);
      const [oldest] = activeIds.keys();
      if (activeIds.size > CACHE_MAX && oldest !== undefined) activeIds.delete(oldest);
    },
  };
}
