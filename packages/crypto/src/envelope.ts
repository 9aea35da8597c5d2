import { randomBytes } from "node:crypto";
import { decryptAesGcm, encryptAesGcm } from "./aes-gcm.ts";
import { type KeyProvider, KeyProviderUnavailableError } from "./key-provider.ts";
import { uuidv7 } from "./uuid.ts";

/** Where a sealed value stands. Moved anywhere else it does not open. */
export type Place = {
  /** Null = the platform's own. */ tenantId: string | null;
  table: string;
  rowId: string;
  column: string;
};

/** A row of `internal.data_keys`. */
export type WrappedKey = { id: string; tenantId: string | null; kekId: string; wrappedKey: Buffer };

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
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "EnvelopeError";
  }
}

const VERSION = 0x01;
const KEY_ID_BYTES = 16;
const KEY_BYTES = 32;
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
  const unwrap = async (key: WrappedKey): Promise<Buffer> => {
    const known = cache.get(key.id);
    if (known !== undefined) return known.dek;
    const dek = await unwrapKey(deps.provider, key);
    // Somebody else may have unwrapped it meanwhile; a second copy would never be overwritten.
    const won = cache.get(key.id);
    if (won === undefined) cache.set(key.id, dek);
    else dek.fill(0);
    return won?.dek ?? dek;
  };
  return {
    async seal(place, plaintext) {
      const active = cache.active(place.tenantId) ?? (await activeKey(deps, cache, place.tenantId, unwrap));
      const sealed = encryptAesGcm(active.dek, plaintext, aad(place, active.id));
      return Buffer.concat([Buffer.from([VERSION]), idBytes(active.id), sealed]);
    },
    async open(place, sealed) {
      if (sealed.length < SEALED_BYTES_MIN || sealed[0] !== VERSION) throw new EnvelopeError("not a sealed value");
      const id = idText(sealed.subarray(1, HEADER_BYTES));
      const dek = cache.get(id)?.dek ?? (await unwrapStored(deps, id, unwrap));
      try {
        return decryptAesGcm(dek, sealed.subarray(HEADER_BYTES), aad(place, id));
      } catch (error) {
        throw new EnvelopeError("a sealed value does not open here", error);
      }
    },
  };
}

/** A provider that is away is told apart from one that refuses: only the second says something about the value. */
async function unwrapKey(provider: KeyProvider, key: WrappedKey): Promise<Buffer> {
  const context = wrapContext(key.id, key.tenantId);
  const dek = await provider.unwrap({ kekId: key.kekId, wrapped: key.wrappedKey }, context).catch((error: unknown) => {
    if (error instanceof KeyProviderUnavailableError) throw error;
    throw new EnvelopeError("a data key does not unwrap", error);
  });
  if (dek.length !== KEY_BYTES) throw new EnvelopeError("a data key has a wrong length");
  return dek;
}

async function unwrapStored(
  deps: EnvelopeDeps,
  id: string,
  unwrap: (key: WrappedKey) => Promise<Buffer>,
): Promise<Buffer> {
  const stored = await deps.loadKeyById(id);
  if (stored === undefined) throw new EnvelopeError("the data key of a sealed value is gone");
  return unwrap(stored);
}

/** The tenant's ACTIVE key, made on first use; of several makers one wins and all read that one back. */
async function activeKey(
  deps: EnvelopeDeps,
  cache: KeyCache,
  tenantId: string | null,
  unwrap: (key: WrappedKey) => Promise<Buffer>,
): Promise<{ id: string; dek: Buffer }> {
  let key = await deps.loadKey(tenantId);
  if (key === undefined) {
    const id = uuidv7();
    const dek = randomBytes(KEY_BYTES);
    const { kekId, wrapped } = await deps.provider.wrap(dek, wrapContext(id, tenantId));
    dek.fill(0);
    await deps.insertKey({ id, tenantId, kekId, wrappedKey: wrapped });
    key = await deps.loadKey(tenantId);
  }
  if (key === undefined) throw new EnvelopeError("there is no data key");
  const dek = await unwrap(key);
  cache.setActive(tenantId, key.id);
  return { id: key.id, dek };
}

function wrapContext(id: string, tenantId: string | null): string {
  return `cp|dek|v1|${id}|${tenantId ?? "platform"}`;
}

function aad(place: Place, keyId: string): Buffer {
  return Buffer.from(
    `cp|v1|${place.tenantId ?? "platform"}|${place.table}|${place.rowId}|${place.column}|${keyId}`,
    "utf8",
  );
}

function idBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll("-", ""), "hex");
}

function idText(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

type KeyCache = {
  get(id: string): { dek: Buffer } | undefined;
  set(id: string, dek: Buffer): void;
  active(tenantId: string | null): { id: string; dek: Buffer } | undefined;
  setActive(tenantId: string | null, id: string): void;
};

/** Bounded in time and count. Keys that go are overwritten, once nothing that is under way can still hold them. */
function createKeyCache(now: () => number): KeyCache {
  const entries = new Map<string, { dek: Buffer; until: number }>();
  const activeIds = new Map<string, string>();
  const drop = (id: string): void => {
    const entry = entries.get(id);
    entries.delete(id);
    // A caller that got the key in this turn of the event loop still encrypts with it.
    if (entry !== undefined) setImmediate(() => entry.dek.fill(0));
  };
  const get = (id: string): { dek: Buffer } | undefined => {
    const entry = entries.get(id);
    if (entry === undefined || entry.until > now()) return entry;
    drop(id);
    return undefined;
  };
  return {
    get,
    set(id, dek) {
      entries.set(id, { dek, until: now() + CACHE_MS });
      const [oldest] = entries.keys();
      if (entries.size > CACHE_MAX && oldest !== undefined) drop(oldest);
    },
    active(tenantId) {
      const id = activeIds.get(tenantId ?? "platform");
      const entry = id === undefined ? undefined : get(id);
      return id === undefined || entry === undefined ? undefined : { id, dek: entry.dek };
    },
    setActive(tenantId, id) {
      activeIds.set(tenantId ?? "platform", id);
      const [oldest] = activeIds.keys();
      if (activeIds.size > CACHE_MAX && oldest !== undefined) activeIds.delete(oldest);
    },
  };
}
