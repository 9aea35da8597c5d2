import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  createEnvelope,
  createLocalKeyring,
  type Envelope,
  type EnvelopeDeps,
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
): { envelope: Envelope; rows: WrappedKey[] } {
  const deps: EnvelopeDeps = {
    provider,
    loadKey: async (tenantId) => rows.find((row) => row.tenantId === tenantId),
    loadKeyById: async (id) => rows.find((row) => row.id === id),
    insertKey: async (key) => {
      if (!rows.some((row) => row.tenantId === key.tenantId)) rows.push(key);
    },
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

  test("never repeats an IV", async () => {
    const { envelope } = openEnvelope();
    const ivs = new Set<string>();
    const rounds = 100_000;

    for (let round = 0; round < rounds; round++)
      ivs.add((await envelope.seal(place(), Buffer.alloc(0))).subarray(17, 29).toString("latin1"));

    expect(ivs.size).toBe(rounds);
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
});
