import { sign } from "node:crypto";
import { createEnvelope, createLocalKeyring } from "@control-plane/crypto";
import { createDatabase, findActiveDataKey, findDataKey, insertDataKey, signingKeys } from "@control-plane/db";
import { z } from "zod";
import type { ControlPlane } from "./control-plane.ts";

const claimsSchema = z.record(z.string(), z.unknown());
const headerSchema = z.looseObject({ kid: z.string() });

/** The claims of a token, which nobody has verified. */
function claimsOf(token: string): Record<string, unknown> {
  return claimsSchema.parse(decode(token.split(".")[1]));
}

/** The same token with other claims under the old signature, as somebody without the key can make it. */
export function withClaims(token: string, changes: Readonly<Record<string, unknown>>): string {
  const [header, , signature] = token.split(".");
  return [header, encode({ ...claimsOf(token), ...changes }), signature].join(".");
}

/** The same token with other claims, signed anew with the key that signed it, which is unsealed as auth-actions does. */
export async function signedAnew(
  plane: ControlPlane,
  token: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<string> {
  const [header = ""] = token.split(".");
  const content = `${header}.${encode({ ...claimsOf(token), ...changes })}`;
  const key = await unsealSigningKey(plane, headerSchema.parse(decode(header)).kid);
  return `${content}.${sign("RSA-SHA256", Buffer.from(content), key).toString("base64url")}`;
}

async function unsealSigningKey({ databaseUrl, keyring }: ControlPlane, kid: string): Promise<string> {
  const { db, close } = createDatabase({ url: databaseUrl, poolMax: 1, applicationName: "e2e", work: "command" });
  try {
    const envelope = createEnvelope({
      provider: createLocalKeyring(keyring),
      loadKey: (tenantId) => findActiveDataKey(db, tenantId),
      loadKeyById: (id) => findDataKey(db, id),
      insertKey: (key) => insertDataKey(db, key),
    });
    const stored = (await db.select().from(signingKeys)).find((key) => key.kid === kid);
    if (stored === undefined) throw new Error(`the signing key ${kid} is not in the database`);
    const place = { tenantId: null, table: "signing_keys", column: "private_key_cipher", rowId: stored.id };
    return (await envelope.open(place, stored.privateKeyCipher)).toString("utf8");
  } finally {
    await close();
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(segment: string | undefined): unknown {
  return JSON.parse(Buffer.from(segment ?? "", "base64url").toString());
}
