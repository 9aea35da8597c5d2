import { createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { type Envelope, sha256, uuidv7 } from "@control-plane/crypto";
import { type Database, inTransaction, writeAudit } from "@control-plane/db";
import { type Logger, startIntervalLoop } from "@control-plane/service-kit";
import {
  findPublishedKeys,
  insertSigningKey,
  lockSigningKeys,
  type NewSigningKey,
  type StoredSigningKey,
} from "../store/signing-keys.ts";

export type SigningKey = { kid: string; privateKeyPem: string };
export type PublicJwk = { kty: string; n: string; e: string; use: "sig"; alg: "RS256"; kid: string };

/** What this process knows of the keys; read anew every 30 s, since any replica may rotate them. */
export type SigningKeys = {
  current(): SigningKey;
  /** Public keys of NEXT, CURRENT and RETIRING: what /.well-known/jwks.json shows. */
  publicKeys(): readonly PublicJwk[];
  /** The published key of a token's `kid`. One that is not known leads to a look for newer keys, once in 10 s for all. */
  find(kid: string): Promise<PublicJwk | undefined>;
  stop(): Promise<void>;
};

const RELOAD_MS = 30_000;
const LOOK_MS_MIN = 10_000;
const MODULUS_BITS = 3072;
const COLUMN = { tenantId: null, table: "signing_keys", column: "private_key_cipher" } as const;

/** Loads the keys, after making the first one where there is none. Replicas that start together make one between them. */
export async function openSigningKeys(
  deps: { db: Database; envelope: Envelope; log: Logger },
  reloadMs = RELOAD_MS,
): Promise<SigningKeys> {
  let state = await load(deps);
  let lookedAt = Number.NEGATIVE_INFINITY;
  const reload = async (): Promise<void> => {
    state = await load(deps);
  };
  const loop = startIntervalLoop({ name: "reload-signing-keys", intervalMs: reloadMs, pass: reload, log: deps.log });
  const published = (kid: string): PublicJwk | undefined => state.publicKeys.find((key) => key.kid === kid);
  return {
    current: () => state.current,
    publicKeys: () => state.publicKeys,
    async find(kid) {
      if (published(kid) === undefined && performance.now() - lookedAt > LOOK_MS_MIN) {
        lookedAt = performance.now();
        await reload();
      }
      return published(kid);
    },
    stop: () => loop.stop(),
  };
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
  const key = await makeSigningKey(deps.envelope);
  await inTransaction(deps.db, { source: "auth-actions" }, async (tx) => {
    await lockSigningKeys(tx);
    if ((await findPublishedKeys(tx)).some(({ state }) => state === "CURRENT")) return;
    await insertSigningKey(tx, key, "CURRENT");
    await writeAudit(tx, {
      tenantId: null,
      action: "signing_key.rotated",
      targetType: "signing_keys",
      targetId: key.id,
    });
  });
}

/** A key pair as it is stored: the private half is sealed under the platform's data key. */
export async function makeSigningKey(envelope: Envelope): Promise<NewSigningKey> {
  return sealSigningKey(envelope, await newPrivateKey());
}

/** PKCS #8 as PEM. */
export async function newPrivateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: MODULUS_BITS,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return privateKey;
}

export async function sealSigningKey(envelope: Envelope, privateKeyPem: string): Promise<NewSigningKey> {
  const { kty = "", n = "", e = "" } = createPublicKey(createPrivateKey(privateKeyPem)).export({ format: "jwk" });
  const id = uuidv7();
  return {
    id,
    // RFC 7638: the required members in the order of their names, without blanks.
    kid: sha256(JSON.stringify({ e, kty, n })).toString("base64url"),
    publicJwk: { kty, n, e },
    privateKeyCipher: await envelope.seal({ ...COLUMN, rowId: id }, Buffer.from(privateKeyPem, "utf8")),
  };
}
