import { createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { type Envelope, uuidv7 } from "@control-plane/crypto";
import { type Database, inTransaction, writeAudit } from "@control-plane/db";
import type { Logger } from "@control-plane/service-kit";
import { calculateJwkThumbprint } from "jose";
import { findPublishedKeys, insertSigningKey, lockSigningKeys, type StoredSigningKey } from "../store/signing-keys.ts";

export type SigningKey = { kid: string; privateKeyPem: string };
export type PublicJwk = { kty: string; n: string; e: string; use: "sig"; alg: "RS256"; kid: string };

/** What this process knows of the keys; read anew every 30 s, since any replica may rotate them. */
export type SigningKeys = {
  current(): SigningKey;
  /** Public keys of NEXT, CURRENT and RETIRING: what /.well-known/jwks.json shows. */
  publicKeys(): readonly PublicJwk[];
  stop(): void;
};

const RELOAD_MS = 30_000;
const MODULUS_BITS = 3072;
const COLUMN = { tenantId: null, table: "signing_keys", column: "private_key_cipher" } as const;

/** Loads the keys, after making the first one where there is none. Replicas that start together make one between them. */
export async function openSigningKeys(deps: { db: Database; envelope: Envelope; log: Logger }): Promise<SigningKeys> {
  let state = await load(deps);
  const timer = setInterval(() => {
    load(deps).then(
      (loaded) => {
        state = loaded;
      },
      (error: unknown) => deps.log.warn({ err: error }, "signing keys could not be read again"),
    );
  }, RELOAD_MS);
  timer.unref();
  return { current: () => state.current, publicKeys: () => state.publicKeys, stop: () => clearInterval(timer) };
}

type Loaded = { current: SigningKey; publicKeys: readonly PublicJwk[] };

async function load(deps: { db: Database; envelope: Envelope }): Promise<Loaded> {
  let keys = await findPublishedKeys(deps.db);
  if (!keys.some(({ state }) => state === "CURRENT")) {
    await makeFirstKey(deps);
    keys = await findPublishedKeys(deps.db);
  }
  const current = keys.find(({ state }) => state === "CURRENT");
  if (current === undefined) throw new Error("there is no current signing key");
  const privateKeyPem = (await deps.envelope.open({ ...COLUMN, rowId: current.id }, current.privateKeyCipher)).toString(
    "utf8",
  );
  return { current: { kid: current.kid, privateKeyPem }, publicKeys: keys.map(publicJwk) };
}

function publicJwk({ kid, publicJwk: { kty, n, e } }: StoredSigningKey): PublicJwk {
  return { kty, n, e, use: "sig", alg: "RS256", kid };
}

async function makeFirstKey(deps: { db: Database; envelope: Envelope }): Promise<void> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: MODULUS_BITS,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const jwk = createPublicKey(createPrivateKey(privateKey)).export({ format: "jwk" });
  const kid = await calculateJwkThumbprint({ kty: jwk.kty ?? "", n: jwk.n ?? "", e: jwk.e ?? "" });
  const id = uuidv7();
  const privateKeyCipher = await deps.envelope.seal({ ...COLUMN, rowId: id }, Buffer.from(privateKey, "utf8"));
  await inTransaction(deps.db, { source: "auth-actions" }, async (tx) => {
    await lockSigningKeys(tx);
    if ((await findPublishedKeys(tx)).some(({ state }) => state === "CURRENT")) return;
    await insertSigningKey(tx, {
      id,
      kid,
      publicJwk: { kty: jwk.kty ?? "", n: jwk.n ?? "", e: jwk.e ?? "" },
      privateKeyCipher,
    });
    await writeAudit(tx, { tenantId: null, action: "signing_key.rotated", targetType: "signing_keys", targetId: id });
  });
}
