import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, describe, expect, test } from "vitest";
import { createKeyProvider, createLocalKeyring, createVaultTransit, type KeyProvider } from "../src/index.ts";
import { startVault, TRANSIT_KEY, VAULT_TOKEN } from "./vault-double.ts";

const newKey = (): string => randomBytes(32).toString("base64");
const CONTEXT = "cp|dek|v1|a|t1";

/** A provider, and the same one after its KEK was rotated. */
type Rotation = { provider: KeyProvider; rotate(): KeyProvider; close(): Promise<void> };

const makers: Record<string, () => Promise<Rotation>> = {
  local: async () => {
    const keys = { k1: newKey(), k2: newKey() };
    return {
      provider: createLocalKeyring(JSON.stringify({ current: "k1", keys })),
      rotate: () => createLocalKeyring(JSON.stringify({ current: "k2", keys })),
      close: async () => undefined,
    };
  },
  vault: async () => {
    const vault = await startVault();
    const provider = createVaultTransit({ address: vault.url, token: { value: VAULT_TOKEN }, transitKey: TRANSIT_KEY });
    return {
      provider,
      rotate: () => {
        vault.rotate();
        return provider;
      },
      close: () => vault.close(),
    };
  },
};

describe.each(Object.entries(makers))("the %s provider", (name, make) => {
  const test = base
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures a function needs from its first parameter
    .extend("rotation", async ({}, { onCleanup }) => {
      const rotation = await make();
      onCleanup(() => rotation.close());
      return rotation;
    })
    .extend("provider", ({ rotation }) => rotation.provider);

  test("unwraps what it wrapped, under its current key", async ({ provider }) => {
    const dek = randomBytes(32);

    const { kekId, wrapped } = await provider.wrap(dek, CONTEXT);

    expect(kekId).toBe(await provider.currentKekId());
    expect(kekId).toMatch(name === "local" ? /^local:k1$/ : /^vault:control-plane:v1$/);
    expect(wrapped.includes(dek)).toBe(false);
    expect(await provider.unwrap({ kekId, wrapped }, CONTEXT)).toEqual(dek);
  });

  test("never gives the same bytes twice", async ({ provider }) => {
    const dek = randomBytes(32);

    const [one, other] = [await provider.wrap(dek, CONTEXT), await provider.wrap(dek, CONTEXT)];

    expect(one.wrapped.equals(other.wrapped)).toBe(false);
  });

  test.for(["cp|dek|v1|a|t2", "cp|dek|v1|b|t1", "", `${CONTEXT} `])(
    "refuses the context %j",
    async (context, { provider }) => {
      const sealed = await provider.wrap(randomBytes(32), CONTEXT);

      await expect(provider.unwrap(sealed, context)).rejects.toThrow();
    },
  );

  test("refuses changed and shortened bytes", async ({ provider }) => {
    const { kekId, wrapped } = await provider.wrap(randomBytes(32), CONTEXT);

    for (let place = 0; place < wrapped.length; place += 7) {
      const changed = Buffer.from(wrapped);
      // In a text of base64 the bit turns one letter into another.
      changed.writeUInt8(changed.readUInt8(place) ^ 2, place);
      await expect(provider.unwrap({ kekId, wrapped: changed }, CONTEXT), `byte ${place}`).rejects.toThrow();
    }
    for (const length of [0, 1, 27, wrapped.length - 4])
      await expect(provider.unwrap({ kekId, wrapped: wrapped.subarray(0, length) }, CONTEXT)).rejects.toThrow();
  });

  test("still unwraps with the old key after a rotation, and wraps with the new one", async ({
    rotation,
    provider,
  }) => {
    const dek = randomBytes(32);
    const old = await provider.wrap(dek, CONTEXT);

    const rotated = rotation.rotate();

    const fresh = await rotated.wrap(dek, CONTEXT);
    expect(fresh.kekId).toBe(await rotated.currentKekId());
    expect(fresh.kekId).not.toBe(old.kekId);
    expect(await rotated.unwrap(old, CONTEXT)).toEqual(dek);
    expect(await rotated.unwrap(fresh, CONTEXT)).toEqual(dek);
  });

  test.for(["local:k9", "local:k2", "local:", "vault:control-plane:v9", "vault:other:v1", "k1", ""])(
    "refuses the key %j, which is not the one that wrapped",
    async (kekId, { provider }) => {
      const { wrapped } = await provider.wrap(randomBytes(32), CONTEXT);

      await expect(provider.unwrap({ kekId, wrapped }, CONTEXT)).rejects.toThrow();
    },
  );
});

describe("the settings of a key provider", () => {
  const test = base;
  const key = newKey();

  test.for([
    "",
    "[]",
    "null",
    "{}",
    '{"current":"a","keys":{}}',
    '{"current":"a","keys":{"a":"c2hvcnQ="}}',
    `{"current":"b","keys":{"a":"${key}"}}`,
    `{"current":1,"keys":{"a":"${key}"}}`,
    `{"current":"a","keys":{"a":"${key}","b":5}}`,
  ])("refuse the malformed keyring %s without showing a key", (keyring) => {
    const make = () => createKeyProvider({ KEY_PROVIDER: "local", KEYRING: keyring });

    expect(make).toThrow("keyring");
    expect(make).not.toThrow(key);
  });

  test("take a keyring from a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "keyring-"));
    try {
      const file = join(folder, "keyring.json");
      writeFileSync(file, JSON.stringify({ current: "k7", keys: { k7: key } }));

      const provider = createKeyProvider({ KEY_PROVIDER: "local", KEYRING_FILE: file });

      expect(await provider.currentKekId()).toBe("local:k7");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const vault = {
    KEY_PROVIDER: "vault",
    VAULT_ADDR: "http://127.0.0.1:9",
    VAULT_TOKEN: "t",
    VAULT_TRANSIT_KEY: "k",
  } as const;
  test.for([
    ["a keyring", { KEY_PROVIDER: "local" } as const, "KEYRING"],
    ["Vault's address", { ...vault, VAULT_ADDR: undefined }, "VAULT_ADDR"],
    ["Vault's token", { ...vault, VAULT_TOKEN: undefined }, "VAULT_TOKEN"],
    ["Vault's key", { ...vault, VAULT_TRANSIT_KEY: undefined }, "VAULT_TRANSIT_KEY"],
  ] as const)("name %s where it is missing", ([, settings, missing]) => {
    expect(() => createKeyProvider(settings)).toThrow(missing);
    expect(() => createKeyProvider(vault)).not.toThrow();
  });
});

test.each([
  [{ KEYRING: "{not json" }, "KEYRING", "it is not JSON"],
  [{ KEYRING: '{"current":"k1","keys":{"k1":"short"}}' }, "KEYRING", "key k1 does not hold 32 bytes"],
  [{ KEYRING_FILE: "/nowhere/keyring" }, "KEYRING_FILE", "cannot be read (ENOENT)"],
])("a keyring that cannot be used names its setting: %j", (settings, setting, message) => {
  const create = () => createKeyProvider({ KEY_PROVIDER: "local", ...settings });

  expect(create).toThrow(expect.objectContaining({ setting, message: expect.stringContaining(message) }));
});
