import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, describe, expect } from "vitest";
import { createVaultTransit, KeyProviderUnavailableError } from "../src/index.ts";
import { startVault, TRANSIT_KEY, VAULT_TOKEN } from "./vault-double.ts";

const CONTEXT = "cp|dek|v1|a|t1";
const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures a function needs from its first parameter
  .extend("vault", async ({}, { onCleanup }) => {
    const vault = await startVault();
    onCleanup(() => vault.close());
    return vault;
  })
  .extend("provider", ({ vault }) =>
    createVaultTransit({
      address: `${vault.url}/`,
      token: { value: VAULT_TOKEN },
      transitKey: TRANSIT_KEY,
      namespace: "team",
    }),
  );

const status =
  (code: number, body = "{}") =>
  (response: ServerResponse): void =>
    void response.writeHead(code).end(body);

test("the transit engine is asked as its documentation says", async ({ provider, vault }) => {
  const dek = randomBytes(32);
  const { kekId, wrapped } = await provider.wrap(dek, CONTEXT);
  await provider.unwrap({ kekId, wrapped }, CONTEXT);
  await provider.currentKekId();

  const associated_data = Buffer.from(CONTEXT).toString("base64");
  expect(vault.requests).toMatchObject([
    {
      method: "POST",
      path: "/v1/transit/encrypt/control-plane",
      body: { plaintext: dek.toString("base64"), associated_data },
    },
    {
      method: "POST",
      path: "/v1/transit/decrypt/control-plane",
      body: { ciphertext: wrapped.toString(), associated_data },
    },
    { method: "GET", path: "/v1/transit/keys/control-plane", body: {} },
  ]);
  for (const { headers } of vault.requests)
    expect(headers).toMatchObject({ "x-vault-token": VAULT_TOKEN, "x-vault-namespace": "team" });
});

describe("a Vault that is away for a moment", () => {
  test.for([500, 502, 503, 429])("with %i is asked once more", async (code, { provider, vault }) => {
    vault.answerWith(status(code));

    expect((await provider.wrap(randomBytes(32), CONTEXT)).kekId).toBe("vault:control-plane:v1");
    expect(vault.requests).toHaveLength(2);
  });

  test("by hanging up is asked once more", async ({ provider, vault }) => {
    vault.answerWith((response) => void response.socket?.destroy());

    expect(await provider.currentKekId()).toBe("vault:control-plane:v1");
  });
});

describe("a Vault that stays away is unavailable", () => {
  test.for([500, 503, 429])("with %i, after two tries", async (code, { provider, vault }) => {
    vault.answerWith(status(code), status(code));

    await expect(provider.wrap(randomBytes(32), CONTEXT)).rejects.toThrow(KeyProviderUnavailableError);
    expect(vault.requests).toHaveLength(2);
  });

  test.for([
    ["no JSON", status(200, "<html>")],
    [
      "half an answer",
      (response: ServerResponse): void => void response.writeHead(200, { "content-length": "99" }).write("{"),
    ],
  ] as const)("with %s", async ([, answer], { provider, vault }) => {
    vault.answerWith(answer, answer);

    await expect(provider.currentKekId()).rejects.toThrow(KeyProviderUnavailableError);
  });

  test("when nobody listens", async () => {
    const provider = createVaultTransit({ address: "http://127.0.0.1:9", token: { value: "t" }, transitKey: "k" });

    await expect(provider.unwrap({ kekId: "vault:k:v1", wrapped: Buffer.from("vault:v1:AAAA") }, "c")).rejects.toThrow(
      KeyProviderUnavailableError,
    );
  });

  test("when it says nothing, within the 5 s that a caller has", { timeout: 5_000 }, async ({ provider, vault }) => {
    vault.answerWith(
      () => undefined,
      () => undefined,
    );

    await expect(provider.wrap(randomBytes(32), CONTEXT)).rejects.toThrow(KeyProviderUnavailableError);
  });

  test("when its token file cannot be read", async ({ vault }) => {
    const provider = createVaultTransit({
      address: vault.url,
      token: { file: "/nowhere/token" },
      transitKey: TRANSIT_KEY,
    });

    await expect(provider.currentKekId()).rejects.toThrow(KeyProviderUnavailableError);
    expect(vault.requests).toEqual([]);
  });
});

describe("a Vault that refuses", () => {
  test.for([400, 403, 404])("with %i is not asked again, and is not unavailable", async (code, { provider, vault }) => {
    vault.answerWith(status(code, '{"errors": ["secret detail"]}'));

    const refused = await provider.wrap(randomBytes(32), CONTEXT).catch((error: unknown) => error);
    expect(refused).toMatchObject({ message: `vault refused: ${code}` });
    expect(refused).not.toBeInstanceOf(KeyProviderUnavailableError);
    expect(vault.requests).toHaveLength(1);
  });

  test("by leading elsewhere does not get the token carried there", async ({ provider, vault }) => {
    const other = await startVault();
    try {
      const elsewhere = (response: ServerResponse): void =>
        void response.writeHead(307, { location: `${other.url}/v1/x` }).end();
      vault.answerWith(elsewhere, elsewhere);

      await expect(provider.wrap(randomBytes(32), CONTEXT)).rejects.toThrow();
      expect(other.requests).toEqual([]);
    } finally {
      await other.close();
    }
  });
});

describe("an answer of Vault's that makes no sense is never taken for a key", () => {
  test.for([
    "{}",
    "null",
    "[]",
    '{"data": null}',
    '{"data": {}}',
    '{"data": {"plaintext": 5, "ciphertext": "plain", "latest_version": "1"}}',
  ])("%s", async (body, { provider, vault }) => {
    const sealed = await provider.wrap(randomBytes(32), CONTEXT);

    for (const ask of [
      () => provider.wrap(randomBytes(32), CONTEXT),
      () => provider.unwrap(sealed, CONTEXT),
      () => provider.currentKekId(),
    ]) {
      vault.answerWith(status(200, body));
      await expect(ask()).rejects.toThrow("vault answered no");
    }
  });
});

test("a token in a file is read at each call, so that an agent may renew it", async ({ vault }) => {
  const folder = mkdtempSync(join(tmpdir(), "vault-"));
  try {
    const file = join(folder, "token");
    writeFileSync(file, "old\n");
    const provider = createVaultTransit({ address: vault.url, token: { file }, transitKey: TRANSIT_KEY });
    await expect(provider.currentKekId()).rejects.toThrow("vault refused: 403");

    writeFileSync(file, `${VAULT_TOKEN}\n`);

    expect(await provider.currentKekId()).toBe("vault:control-plane:v1");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
