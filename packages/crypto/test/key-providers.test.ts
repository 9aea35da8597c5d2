import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import {
  createKeyProvider,
  createLocalKeyring,
  createVaultTransit,
  type KeyProvider,
  KeyProviderUnavailableError,
} from "../src/index.ts";

/** Vault's transit engine over HTTP, with the key in memory: one version, associated data honoured. */
async function startVault(): Promise<{ url: string; server: Server; requests: string[] }> {
  const key = randomBytes(32);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      requests.push(`${request.method} ${request.url}`);
      const answer = (status: number, data: unknown): void =>
        void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(data));
      if (request.headers["x-vault-token"] !== "test-token") return answer(403, { errors: ["permission denied"] });
      if (request.method === "GET") return answer(200, { data: { latest_version: 1 } });
      const { plaintext, ciphertext, associated_data: aad } = JSON.parse(body);
      if (request.url?.includes("/encrypt/")) {
        const iv = randomBytes(12);
        const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(aad, "base64"));
        const sealed = Buffer.concat([
          iv,
          cipher.update(Buffer.from(plaintext, "base64")),
          cipher.final(),
          cipher.getAuthTag(),
        ]);
        return answer(200, { data: { ciphertext: `vault:v1:${sealed.toString("base64")}` } });
      }
      try {
        const sealed = Buffer.from(ciphertext.split(":")[2], "base64");
        const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12))
          .setAAD(Buffer.from(aad, "base64"))
          .setAuthTag(sealed.subarray(-16));
        const plain = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
        return answer(200, { data: { plaintext: plain.toString("base64") } });
      } catch {
        return answer(400, { errors: ["cipher: message authentication failed"] });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, server, requests };
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const makers: Record<string, () => Promise<KeyProvider>> = {
  local: async () =>
    createLocalKeyring(
      JSON.stringify({
        current: "k2",
        keys: { k1: randomBytes(32).toString("base64"), k2: randomBytes(32).toString("base64") },
      }),
    ),
  vault: async () => {
    const { url, server } = await startVault();
    servers.push(server);
    return createVaultTransit({ address: url, token: { value: "test-token" }, transitKey: "control-plane" });
  },
};

describe.each(Object.entries(makers))("the %s provider", (_name, make) => {
  test("unwraps what it wrapped, under its current key", async () => {
    const provider = await make();
    const dek = randomBytes(32);

    const { kekId, wrapped } = await provider.wrap(dek, "cp|dek|v1|a|t1");

    expect(kekId).toBe(await provider.currentKekId());
    expect(await provider.unwrap({ kekId, wrapped }, "cp|dek|v1|a|t1")).toEqual(dek);
  });

  test("refuses another context", async () => {
    const provider = await make();
    const sealed = await provider.wrap(randomBytes(32), "cp|dek|v1|a|t1");

    await expect(provider.unwrap(sealed, "cp|dek|v1|a|t2")).rejects.toThrow();
  });

  test("refuses a key it does not hold", async () => {
    const provider = await make();
    const { wrapped } = await provider.wrap(randomBytes(32), "c");

    await expect(provider.unwrap({ kekId: "local:k9", wrapped }, "c")).rejects.toThrow();
  });
});

test("an old key of the keyring still unwraps after another became current", async () => {
  const keys = { k1: randomBytes(32).toString("base64"), k2: randomBytes(32).toString("base64") };
  const before = createLocalKeyring(JSON.stringify({ current: "k1", keys }));
  const sealed = await before.wrap(Buffer.alloc(32, 7), "c");

  const after = createLocalKeyring(JSON.stringify({ current: "k2", keys }));

  expect(await after.unwrap(sealed, "c")).toEqual(Buffer.alloc(32, 7));
});

test("a vault that is away is unavailable, never a wrong answer", async () => {
  const provider = createVaultTransit({ address: "http://127.0.0.1:9", token: { value: "t" }, transitKey: "k" });

  await expect(provider.wrap(randomBytes(32), "c")).rejects.toThrow(KeyProviderUnavailableError);
});

test("a refused vault token is a refusal and is not tried again", async () => {
  const { url, server, requests } = await startVault();
  servers.push(server);
  const provider = createVaultTransit({ address: url, token: { value: "wrong" }, transitKey: "k" });

  await expect(provider.wrap(randomBytes(32), "c")).rejects.toThrow("refused");
  expect(requests).toHaveLength(1);
});

test.each(["", "{}", '{"current":"a","keys":{}}', '{"current":"a","keys":{"a":"c2hvcnQ="}}'])(
  "a malformed keyring is refused: %s",
  (keyring) => {
    expect(() => createKeyProvider({ KEY_PROVIDER: "local", KEYRING: keyring })).toThrow("keyring");
  },
);
