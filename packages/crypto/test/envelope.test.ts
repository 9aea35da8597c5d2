import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  createEnvelope,
  createLocalKeyring,
  type Envelope,
  type EnvelopeDeps,
  EnvelopeError,
  type KeyProvider,
  KeyProviderUnavailableError,
  type Place,
  type WrappedKey,
} from "../src/index.ts";

function keyring(): string {
  return JSON.stringify({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } });
}

/** Data keys in memory, as the table keeps them: one ACTIVE key per tenant. */
function openEnvelope(
  provider = createLocalKeyring(keyring()),
  rows: WrappedKey[] = [],
  now: () => number = Date.now,
  decryptOnly: readonly WrappedKey[] = [],
): { envelope: Envelope; rows: WrappedKey[] } {
  const deps: EnvelopeDeps = {
    provider,
    loadKey: async (tenantId) => rows.find((row) => row.tenantId === tenantId),
    loadKeyById: async (id) => [...rows, ...decryptOnly].find((row) => row.id === id),
    insertKey: async (key) => {
      if (!rows.some((row) => row.tenantId === key.tenantId)) rows.push(key);
    },
    now,
  };
  return { envelope: createEnvelope(deps), rows };
}

const place = (changes: Partial<Place> = {}): Place => ({
  tenantId: "t1",
  table: "connections",
  rowId: "r1",
  column: "secret_cipher",
  ...changes,
});

describe("an envelope", () => {
  test("opens only in the place where it was sealed", async () => {
    const { envelope } = openEnvelope();
    const tenants = ["t1", "t2", null];
    const rowIds = ["r1", "r2", "r3"];
    const columns = ["secret_cipher", "access_token_cipher", "body_cipher"];
    const places = tenants.flatMap((tenantId) =>
      rowIds.flatMap((rowId) => columns.map((column) => place({ tenantId, rowId, column }))),
    );

    for (const home of places) {
      const sealed = await envelope.seal(home, Buffer.from("secret"));
      for (const other of places) {
        const opened = await envelope.open(other, sealed).then(
          (plain) => plain.toString(),
          () => "refused",
        );
        expect(opened).toBe(other === home ? "secret" : "refused");
      }
    }
  });

  test("does not open with any single bit changed", async () => {
    const { envelope } = openEnvelope();
    const sealed = await envelope.seal(place(), randomBytes(64));

    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await expect(envelope.open(place(), changed)).rejects.toThrow();
    }
  });

  test("has version, data key id, IV, ciphertext and tag, byte by byte", async () => {
    const { envelope, rows } = openEnvelope();

    const sealed = await envelope.seal(place(), Buffer.from("12345"));

    expect(sealed[0]).toBe(1);
    expect(sealed.subarray(1, 17).toString("hex")).toBe(rows[0]?.id.replaceAll("-", ""));
    expect(sealed.length).toBe(1 + 16 + 12 + 5 + 16);
  });

  test("opens in another process that has the same keyring and rows", async () => {
    const provider = createLocalKeyring(keyring());
    const first = openEnvelope(provider);
    const sealed = await first.envelope.seal(place({ tenantId: null }), Buffer.from("platform"));

    const second = openEnvelope(provider, first.rows);

    expect((await second.envelope.open(place({ tenantId: null }), sealed)).toString()).toBe("platform");
  });

  test("makers of a tenant's first key that meet end with one key", async () => {
    const { envelope, rows } = openEnvelope();

    const sealed = await Promise.all(Array.from({ length: 20 }, () => envelope.seal(place(), Buffer.from("x"))));

    expect(rows).toHaveLength(1);
    for (const value of sealed) expect((await envelope.open(place(), value)).toString()).toBe("x");
  });

  test("names no data key that does not exist", async () => {
    const { envelope } = openEnvelope();
    const sealed = await envelope.seal(place(), Buffer.from("x"));
    Buffer.from(randomUUID().replaceAll("-", ""), "hex").copy(sealed, 1);

    await expect(envelope.open(place(), sealed)).rejects.toThrow("gone");
  });

  test("does not open with any byte missing or added, at either end", async () => {
    const { envelope } = openEnvelope();
    const sealed = await envelope.seal(place(), randomBytes(64));

    for (let length = 0; length < sealed.length; length++) {
      await expect(envelope.open(place(), sealed.subarray(0, length))).rejects.toThrow(EnvelopeError);
      await expect(envelope.open(place(), sealed.subarray(sealed.length - length))).rejects.toThrow(EnvelopeError);
    }
    await expect(envelope.open(place(), Buffer.concat([sealed, Buffer.alloc(1)]))).rejects.toThrow(EnvelopeError);
  });

  test("does not open in another table of the same tenant, row and column", async () => {
    const { envelope } = openEnvelope();
    const sealed = await envelope.seal(place(), Buffer.from("x"));

    await expect(envelope.open(place({ table: "triggers" }), sealed)).rejects.toThrow(EnvelopeError);
  });

  test.for([0, 1, 1_048_576])("holds %i bytes", async (size) => {
    const { envelope } = openEnvelope();
    const plain = randomBytes(size);

    expect(await envelope.open(place(), await envelope.seal(place(), plain))).toEqual(plain);
  });
});

describe("data keys", () => {
  /** A keyring that counts, and keeps the very buffers it hands out. */
  function watchedKeyring(provider = createLocalKeyring(keyring())) {
    const unwrapped: Buffer[] = [];
    const watched: KeyProvider = {
      ...provider,
      unwrap: async (input, context) => {
        const dek = await provider.unwrap(input, context);
        unwrapped.push(dek);
        return dek;
      },
    };
    return { watched, unwrapped };
  }

  test("stay unwrapped for five minutes; what the provider handed out is overwritten at once", async () => {
    const { watched, unwrapped } = watchedKeyring();
    const clock = { ms: 0 };
    const { envelope } = openEnvelope(watched, [], () => clock.ms);
    const sealed = await envelope.seal(place(), Buffer.from("x"));
    clock.ms = 299_999;
    await envelope.open(place(), sealed);
    expect(unwrapped).toHaveLength(1);

    clock.ms = 300_000;
    expect((await envelope.open(place(), sealed)).toString()).toBe("x");

    expect(unwrapped).toEqual([Buffer.alloc(32), Buffer.alloc(32)]);
  });

  test("of a thousand tenants are kept, the oldest goes for the next", async () => {
    const { watched, unwrapped } = watchedKeyring();
    const { envelope } = openEnvelope(watched);

    for (let n = 0; n < 1_001; n++) await envelope.seal(place({ tenantId: `t${n}` }), Buffer.alloc(0));

    expect(unwrapped).toHaveLength(1_001);
    await envelope.seal(place({ tenantId: "t1" }), Buffer.alloc(0));
    expect(unwrapped).toHaveLength(1_001);
    await envelope.seal(place({ tenantId: "t0" }), Buffer.alloc(0));
    expect(unwrapped).toHaveLength(1_002);
  });

  test("that many openers unwrap at once leave no copy behind", async () => {
    const provider = createLocalKeyring(keyring());
    const first = openEnvelope(provider);
    const sealed = await first.envelope.seal(place(), Buffer.from("x"));
    const { watched, unwrapped } = watchedKeyring(provider);
    const { envelope } = openEnvelope(watched, first.rows);

    const opened = await Promise.all(Array.from({ length: 20 }, () => envelope.open(place(), sealed)));

    expect(new Set(opened.map(String))).toEqual(new Set(["x"]));
    expect(unwrapped.length).toBeGreaterThan(0);
    expect(unwrapped.filter((dek) => !dek.equals(Buffer.alloc(32)))).toEqual([]);
  });

  test("are stored wrapped only, for their tenant only", async () => {
    const { envelope, rows } = openEnvelope();
    const sealed = await envelope.seal(place(), Buffer.from("x"));
    // The row of one tenant's key copied to another tenant does not unwrap there.
    for (const row of rows) row.tenantId = "t2";
    const stolen = openEnvelope(createLocalKeyring(keyring()), rows);

    await expect(stolen.envelope.open(place({ tenantId: "t2" }), sealed)).rejects.toThrow(EnvelopeError);
    expect(rows[0]?.wrappedKey).toHaveLength(12 + 32 + 16);
  });

  test("whose provider is away are not taken for broken values", async () => {
    const provider = createLocalKeyring(keyring());
    const first = openEnvelope(provider);
    const sealed = await first.envelope.seal(place(), Buffer.from("x"));
    const away = async (): Promise<never> => {
      throw new KeyProviderUnavailableError("away");
    };
    const { envelope } = openEnvelope({ ...provider, wrap: away, unwrap: away }, first.rows);

    await expect(envelope.open(place(), sealed)).rejects.toThrow(KeyProviderUnavailableError);
    await expect(envelope.seal(place({ tenantId: "t9" }), Buffer.from("x"))).rejects.toThrow(
      KeyProviderUnavailableError,
    );
  });

  test("of the old kind still open after another became active", async () => {
    const provider = createLocalKeyring(keyring());
    const { envelope, rows } = openEnvelope(provider);
    const old = await envelope.seal(place(), Buffer.from("old"));
    const [oldKey] = rows;
    const rotated = openEnvelope(provider, [], undefined, oldKey === undefined ? [] : [oldKey]);

    const fresh = await rotated.envelope.seal(place(), Buffer.from("new"));

    expect(fresh.subarray(1, 17).equals(old.subarray(1, 17))).toBe(false);
    expect((await rotated.envelope.open(place(), old)).toString()).toBe("old");
    expect((await rotated.envelope.open(place(), fresh)).toString()).toBe("new");
  });
});
