import { randomBytes } from "node:crypto";
import { createEnvelope, createLocalKeyring, type Envelope, type KeyProvider, type Place } from "@control-plane/crypto";
import { type Database, findActiveDataKey, findDataKey, insertDataKey } from "@control-plane/db";

export type TestKeys = {
  /** What a service gets as `KEYRING`. */
  readonly keyring: string;
  readonly provider: KeyProvider;
  /** Over the data keys of the test's database. */
  readonly envelope: Envelope;
  seal(place: Place, text: string): Promise<Buffer>;
  open(place: Place, sealed: Buffer): Promise<string>;
};

/** Over a keyring of the test's own, or that of services which run already. */
export function createTestKeys(db: Database, keyring: string = newKeyring()): TestKeys {
  const provider = createLocalKeyring(keyring);
  const envelope = createEnvelope({
    provider,
    loadKey: (tenantId) => findActiveDataKey(db, tenantId),
    loadKeyById: (id) => findDataKey(db, id),
    insertKey: (key) => insertDataKey(db, key),
  });
  return {
    keyring,
    provider,
    envelope,
    seal: (place, text) => envelope.seal(place, Buffer.from(text)),
    open: async (place, sealed) => (await envelope.open(place, sealed)).toString("utf8"),
  };
}

function newKeyring(): string {
  return JSON.stringify({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } });
}
