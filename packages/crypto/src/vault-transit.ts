import { readFileSync } from "node:fs";
import { type KeyProvider, KeyProviderUnavailableError } from "./key-provider.ts";

export type VaultSettings = {
  address: string;
  /** The token itself, or a file with it, read at each call so that an agent may renew it. */
  token: { value: string } | { file: string };
  transitKey: string;
  namespace?: string | undefined;
};

const CALL_MS_MAX = 2_000;

/** HashiCorp Vault's transit engine: https://developer.hashicorp.com/vault/api-docs/secret/transit. The KEK stays in Vault. */
export function createVaultTransit(settings: VaultSettings): KeyProvider {
  const key = encodeURIComponent(settings.transitKey);
  const kekId = (ciphertext: string): string | undefined => {
    const version = /^vault:(v\d+):/.exec(ciphertext)?.[1];
    return version === undefined ? undefined : `vault:${settings.transitKey}:${version}`;
  };
  return {
    async currentKekId() {
      const version = member(await call(settings, "GET", `transit/keys/${key}`), "latest_version");
      if (typeof version !== "number") throw new Error("vault answered no key version");
      return `vault:${settings.transitKey}:v${version}`;
    },
    async wrap(dek, context) {
      const answer = await call(settings, "POST", `transit/encrypt/${key}`, {
        plaintext: dek.toString("base64"),
        associated_data: Buffer.from(context).toString("base64"),
      });
      const ciphertext = member(answer, "ciphertext");
      const id = typeof ciphertext === "string" ? kekId(ciphertext) : undefined;
      if (typeof ciphertext !== "string" || id === undefined) throw new Error("vault answered no ciphertext");
      return { kekId: id, wrapped: Buffer.from(ciphertext) };
    },
    async unwrap({ kekId: wanted, wrapped }, context) {
      const ciphertext = wrapped.toString("utf8");
      if (kekId(ciphertext) !== wanted) throw new Error(`this vault holds no key ${wanted}`);
      const answer = await call(settings, "POST", `transit/decrypt/${key}`, {
        ciphertext,
        associated_data: Buffer.from(context).toString("base64"),
      });
      const plaintext = member(answer, "plaintext");
      if (typeof plaintext !== "string") throw new Error("vault answered no plaintext");
      return Buffer.from(plaintext, "base64");
    },
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && name in value
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

/** One retry for a Vault that is away; a refusal (4xx but "too many requests") is final. */
async function call(settings: VaultSettings, method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
  let lastError: unknown;
  for (let tries = 0; tries < 2; tries++) {
    try {
      const reply = await fetch(`${settings.address.replace(/\/$/, "")}/v1/${path}`, {
        method,
        headers: {
          "x-vault-token":
            "value" in settings.token ? settings.token.value : readFileSync(settings.token.file, "utf8").trim(),
          ...(settings.namespace === undefined ? {} : { "x-vault-namespace": settings.namespace }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "error",
        signal: AbortSignal.timeout(CALL_MS_MAX),
      });
      if (reply.status >= 400 && reply.status < 500 && reply.status !== 429) throw new VaultRefusedError(reply.status);
      if (reply.ok) return member(await reply.json(), "data");
      lastError = new Error(`vault answered ${reply.status}`);
    } catch (error) {
      if (error instanceof VaultRefusedError) throw error;
      lastError = error;
    }
  }
  throw new KeyProviderUnavailableError("vault does not answer", lastError);
}

class VaultRefusedError extends Error {
  constructor(status: number) {
    super(`vault refused: ${status}`);
    this.name = "VaultRefusedError";
  }
}
