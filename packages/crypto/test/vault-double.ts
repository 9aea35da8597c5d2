import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export type VaultRequest = {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: Record<string, string>;
};

export const VAULT_TOKEN = "test-token";
export const TRANSIT_KEY = "control-plane";

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** Vault's transit engine over HTTP with the key's versions in memory: associated data is honoured, old versions decrypt. */
export async function startVault() {
  const versions = [randomBytes(32)];
  const requests: VaultRequest[] = [];
  const instead: Answer[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body: Record<string, string> = text === "" ? {} : JSON.parse(text);
    requests.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers, body });
    const special = instead.shift();
    if (special !== undefined) return special(response, request);
    const [status, answer] =
      request.headers["x-vault-token"] === VAULT_TOKEN
        ? transit(versions, request.url ?? "", body)
        : [403, { errors: ["permission denied"] }];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    requests,
    /** Answers the next requests in this way, one each. */
    answerWith: (...answers: Answer[]) => void instead.push(...answers),
    rotate: () => void versions.push(randomBytes(32)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function transit(versions: readonly Buffer[], path: string, body: Record<string, string>): [number, unknown] {
  const aad = Buffer.from(body["associated_data"] ?? "", "base64");
  switch (path) {
    case `/v1/transit/keys/${TRANSIT_KEY}`:
      return [200, { data: { latest_version: versions.length } }];
    case `/v1/transit/encrypt/${TRANSIT_KEY}`: {
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", versions.at(-1) ?? "", iv).setAAD(aad);
      const text = Buffer.concat([iv, cipher.update(body["plaintext"] ?? "", "base64"), cipher.final()]);
      const sealed = Buffer.concat([text, cipher.getAuthTag()]).toString("base64");
      return [200, { data: { ciphertext: `vault:v${versions.length}:${sealed}` } }];
    }
    case `/v1/transit/decrypt/${TRANSIT_KEY}`: {
      const [prefix, version = "", sealed = ""] = (body["ciphertext"] ?? "").split(":");
      const key = versions[Number(version.slice(1)) - 1];
      const bytes = Buffer.from(sealed, "base64");
      if (prefix !== "vault" || key === undefined || bytes.length < 28)
        return [400, { errors: ["invalid ciphertext"] }];
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 })
          .setAAD(aad)
          .setAuthTag(bytes.subarray(-16));
        const plain = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
        return [200, { data: { plaintext: plain.toString("base64") } }];
      } catch {
        return [400, { errors: ["cipher: message authentication failed"] }];
      }
    }
    default:
      return [404, { errors: [] }];
  }
}
