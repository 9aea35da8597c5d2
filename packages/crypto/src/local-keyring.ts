import { decryptAesGcm, encryptAesGcm } from "./aes-gcm.ts";
import type { KeyProvider } from "./key-provider.ts";

const PREFIX = "local:";

function fault(detail: string): Error {
  return new Error(`the keyring must be {"current": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}: ${detail}`);
}

/** KEKs from a JSON text: `{"current": "k2", "keys": {"k1": "<base64, 32 bytes>", "k2": "…"}}`. Throws for any other form. */
export function createLocalKeyring(keyring: string): KeyProvider {
  const { current, keys } = parseKeyring(keyring);
  const keyOf = (kekId: string): Buffer => {
    const key = kekId.startsWith(PREFIX) ? keys.get(kekId.slice(PREFIX.length)) : undefined;
    if (key === undefined) throw new Error(`the keyring has no key ${kekId}`);
    return key;
  };
  return {
    currentKekId: async () => PREFIX + current,
    wrap: async (dek, context) => ({
      kekId: PREFIX + current,
      wrapped: encryptAesGcm(keyOf(PREFIX + current), dek, Buffer.from(context)),
    }),
    unwrap: async ({ kekId, wrapped }, context) => decryptAesGcm(keyOf(kekId), wrapped, Buffer.from(context)),
  };
}

function parseKeyring(text: string): { current: string; keys: Map<string, Buffer> } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw fault("it is not JSON");
  }
  if (!isRecord(parsed) || typeof parsed.current !== "string" || !isRecord(parsed.keys))
    throw fault("current or keys is missing");
  const keys = new Map<string, Buffer>();
  for (const [name, value] of Object.entries(parsed.keys)) {
    const key = typeof value === "string" ? Buffer.from(value, "base64") : Buffer.alloc(0);
    if (key.length !== 32) throw fault(`key ${name} does not hold 32 bytes`);
    keys.set(name, key);
  }
  if (!keys.has(parsed.current)) throw fault("current names no key");
  return { current: parsed.current, keys };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
