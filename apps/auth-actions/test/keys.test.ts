import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { createEnvelope, createLocalKeyring, type Envelope, type Place } from "@control-plane/crypto";
import {
  connections,
  type Database,
  dataKeys,
  emails,
  findActiveDataKey,
  findDataKey,
  insertDataKey,
} from "@control-plane/db";
import type { TestDatabase, TestKeys, TestTenant } from "@control-plane/testkit";
import { eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import { CIPHER_COLUMNS, countValuesPerKey } from "../src/store/cipher-columns.ts";
import { startKeys } from "./keys-command.ts";
import { test } from "./service.ts";

const settings = (db: TestDatabase, keyring: string) => ({ DATABASE_URL: db.urlAs("cp_auth"), KEYRING: keyring });
const placeOf = (tenant: TestTenant, id: string): Place => ({
  tenantId: tenant.id,
  table: "connections",
  rowId: id,
  column: "secret_cipher",
});

/** Connections with sealed secrets, and what each of them is. */
async function addSecrets(tenant: TestTenant, envelope: Envelope, count: number) {
  const secrets = new Map<string, string>();
  for (let n = 0; n < count; n += 1) {
    const id = randomUUID();
    const secret = `secret ${n}`;
    const secretCipher = await envelope.seal(placeOf(tenant, id), Buffer.from(secret));
    await tenant.connection({ id, secretCipher });
    secrets.set(id, secret);
  }
  return secrets;
}

/** As a service has it, but its clock is so fast that it keeps a key for three seconds instead of five minutes. */
function fastEnvelope(db: Database, keyring: string): Envelope {
  return createEnvelope({
    provider: createLocalKeyring(keyring),
    loadKey: (tenantId) => findActiveDataKey(db, tenantId),
    loadKeyById: (id) => findDataKey(db, id),
    insertKey: (key) => insertDataKey(db, key),
    now: () => Date.now() * 100,
  });
}

/** Gives connections new secrets until it is stopped. */
function writeAllTheTime(db: Database, tenant: TestTenant, envelope: Envelope, secrets: Map<string, string>) {
  let stopped = false;
  const writing = (async () => {
    const ids = [...secrets.keys()];
    for (let n = 0; !stopped; n += 1) {
      const id = ids[randomInt(ids.length)] ?? "";
      const secret = `written ${n}`;
      const secretCipher = await envelope.seal(placeOf(tenant, id), Buffer.from(secret));
      await db.update(connections).set({ secretCipher }).where(eq(connections.id, id));
      secrets.set(id, secret);
      await wait(5);
    }
  })();
  return async () => {
    stopped = true;
    await writing;
  };
}

/** One value in every column of the tenant's, each of them its column's name. */
async function sealEverywhere(db: TestDatabase, keys: TestKeys, tenant: TestTenant) {
  const [connection, trigger, delivery, email] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  const seal = async (table: string, rowId: string, column: string) => {
    const place = { tenantId: tenant.id, table, rowId, column };
    return { place, cipher: await keys.seal(place, column), from: table === "emails" ? "internal.emails" : table };
  };
  const secret = await seal("connections", connection, "secret_cipher");
  const token = await seal("connections", connection, "access_token_cipher");
  const hook = await seal("triggers", trigger, "webhook_secret_cipher");
  const previous = await seal("triggers", trigger, "webhook_secret_previous_cipher");
  const body = await seal("webhook_deliveries", delivery, "body_cipher");
  const mail = await seal("emails", email, "payload_cipher");
  await tenant.connection({ id: connection, secretCipher: secret.cipher, accessTokenCipher: token.cipher });
  await (await tenant.workflow()).webhook({
    id: trigger,
    signatureScheme: "STANDARD_WEBHOOKS",
    webhookSecretCipher: hook.cipher,
    webhookSecretPreviousCipher: previous.cipher,
  });
  await db.pool.query(
    `insert into webhook_deliveries (id, tenant_id, trigger_id, body_hash, body_bytes, body_cipher, content_type, headers, matched_secret)
       values ($1, $2, $3, $4, 2, $5, 'text/plain', '{}', 'NONE')`,
    [delivery, tenant.id, trigger, randomBytes(32), body.cipher],
  );
  await db.db.insert(emails).values({
    id: email,
    tenantId: tenant.id,
    kind: "PASSWORD_RESET",
    recipient: "a@example.com",
    payloadCipher: mail.cipher,
  });
  return [secret, token, hook, previous, body, mail];
}

async function openAll(db: Database, keys: Pick<TestKeys, "envelope">, tenant: TestTenant) {
  const rows = await db.select().from(connections).where(eq(connections.tenantId, tenant.id));
  const opened = new Map<string, string>();
  for (const { id, secretCipher } of rows)
    opened.set(id, (await keys.envelope.open(placeOf(tenant, id), secretCipher ?? Buffer.alloc(0))).toString());
  return opened;
}

/** Ids of the keys, in hex, that any value anywhere is sealed with. */
async function keysInUse(db: Database): Promise<Set<string>> {
  const used = new Set<string>();
  for (const column of CIPHER_COLUMNS) for (const key of (await countValuesPerKey(db, column)).keys()) used.add(key);
  return used;
}

describe("rotate-dek", { timeout: 180_000 }, () => {
  test("under load and killed again and again, ends with every value readable and none on a former key", async ({
    db,
    keys,
    world,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const envelope = fastEnvelope(db.db, keys.keyring);
    const [ofAcme, ofGlobex] = [await addSecrets(acme, envelope, 150), await addSecrets(globex, envelope, 20)];
    const former = new Set((await db.db.select().from(dataKeys)).map(({ id }) => id.replaceAll("-", "")));
    const stop = writeAllTheTime(db.db, acme, envelope, ofAcme);
    const start = () => startKeys(settings(db, keys.keyring), "rotate-dek", "--rest-seconds", "8");

    for (let round = 0; round < 4; round += 1) {
      const command = start();
      await wait(randomInt(1_000, 5_000));
      command.kill();
      await command.ended;
    }
    const last = await start().ended;
    await stop();

    expect(last).toMatchObject({ code: 0 });
    const fresh = { envelope: fastEnvelope(db.db, keys.keyring) };
    expect(await openAll(db.db, fresh, acme)).toEqual(ofAcme);
    expect(await openAll(db.db, fresh, globex)).toEqual(ofGlobex);
    // Three owners had a key: two tenants and the platform, whose signing key the service made.
    expect(former.size).toBe(3);
    expect([...(await keysInUse(db.db))].filter((key) => former.has(key))).toEqual([]);
    const rows = await db.db.select().from(dataKeys);
    expect(rows.filter(({ state }) => state === "ACTIVE")).toHaveLength(3);
    expect(rows.filter(({ state }) => state === "DECRYPT_ONLY")).toEqual([]);
    for (const { id, state, wrappedKey } of rows)
      if (former.has(id.replaceAll("-", "")))
        expect({ state, wrappedKey }).toEqual({ state: "DESTROYED", wrappedKey: null });
    expect((await startKeys(settings(db, keys.keyring), "verify").ended).code).toBe(0);
  });

  test("reaches every column that holds sealed values", async ({ db, keys, world }) => {
    const acme = await world.tenant();
    const sealed = await sealEverywhere(db, keys, acme);
    const former = new Set((await db.db.select().from(dataKeys)).map(({ id }) => id.replaceAll("-", "")));

    const { code } = await startKeys(settings(db, keys.keyring), "rotate-dek", "--rest-seconds", "0").ended;

    expect(code).toBe(0);
    expect([...(await keysInUse(db.db))].filter((key) => former.has(key))).toEqual([]);
    const fresh = fastEnvelope(db.db, keys.keyring);
    for (const { place, from } of sealed) {
      const { rows } = await db.pool.query<{ value: Buffer }>(
        `select ${place.column} as value from ${from} where id = $1`,
        [place.rowId],
      );
      expect((await fresh.open(place, rows[0]?.value ?? Buffer.alloc(0))).toString()).toBe(place.column);
    }
    expect(sealed.map(({ from, place }) => `${from} ${place.column}`).sort()).toEqual(
      CIPHER_COLUMNS.map(({ table, column }) => `${table} ${column}`)
        .filter((name) => !name.includes("signing_keys"))
        .sort(),
    );
  });

  test("of one tenant leaves the keys of others alone, and one audit event tells of it", async ({
    db,
    keys,
    world,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    await addSecrets(acme, keys.envelope, 2);
    await addSecrets(globex, keys.envelope, 2);
    const statesOf = async (tenant: TestTenant) =>
      (await db.db.select().from(dataKeys).where(eq(dataKeys.tenantId, tenant.id))).map(({ state }) => state).sort();

    const { code } = await startKeys(
      settings(db, keys.keyring),
      "rotate-dek",
      "--tenant",
      acme.id,
      "--rest-seconds",
      "0",
    ).ended;

    expect(code).toBe(0);
    expect(await statesOf(acme)).toEqual(["ACTIVE", "DESTROYED"]);
    expect(await statesOf(globex)).toEqual(["ACTIVE"]);
    const events = (await acme.audit()).filter(({ action }) => action === "data_key.rotated");
    expect(events).toMatchObject([{ actorType: "SYSTEM", source: "cli" }]);
  });

  test("reports a value that does not open, marks its connection, and keeps its key", async ({ db, keys, world }) => {
    const acme = await world.tenant();
    const [broken = "", sound = ""] = [...(await addSecrets(acme, keys.envelope, 2)).keys()];
    await db.pool.query(
      "update connections set secret_cipher = (select secret_cipher from connections where id = $2) where id = $1",
      [broken, sound],
    );

    const rotation = await startKeys(settings(db, keys.keyring), "rotate-dek", "--rest-seconds", "0").ended;
    const verification = await startKeys(settings(db, keys.keyring), "verify", "--tenant", acme.id).ended;

    for (const { code, output } of [rotation, verification]) {
      expect(code).toBe(1);
      expect(output).toContain(`does not open: connections ${broken} secret_cipher`);
      expect(output).not.toContain(sound);
    }
    const [row] = await db.db.select().from(connections).where(eq(connections.id, broken));
    expect(row?.status).toBe("FAILING");
    const states = (await db.db.select().from(dataKeys).where(eq(dataKeys.tenantId, acme.id))).map(
      ({ state }) => state,
    );
    expect(states.sort()).toEqual(["ACTIVE", "DECRYPT_ONLY"]);
  });
});

describe("rotate-kek", { timeout: 180_000 }, () => {
  test("killed again and again, ends with nothing that needs the former key", async ({ db, keys, world }) => {
    const tenants = await Promise.all(Array.from({ length: 30 }, () => world.tenant()));
    const secrets = await Promise.all(tenants.map((tenant) => addSecrets(tenant, keys.envelope, 1)));
    const k1: string = JSON.parse(keys.keyring).keys.k1;
    const k2 = randomBytes(32).toString("base64");
    const both = JSON.stringify({ current: "k2", keys: { k1, k2 } });

    for (let round = 0; round < 2; round += 1) {
      const command = startKeys(settings(db, both), "rotate-kek");
      await wait(randomInt(1_500, 3_000));
      command.kill();
      await command.ended;
    }
    const last = await startKeys(settings(db, both), "rotate-kek").ended;

    expect(last.code).toBe(0);
    const only = JSON.stringify({ current: "k2", keys: { k2 } });
    expect((await startKeys(settings(db, only), "verify").ended).code).toBe(0);
    const fresh = { envelope: fastEnvelope(db.db, only) };
    for (const [index, tenant] of tenants.entries())
      expect(await openAll(db.db, fresh, tenant)).toEqual(secrets[index]);
    const status = await startKeys(settings(db, only), "status").ended;
    expect(status.output).toContain("kek local:k2 (current): 31 data keys");
    expect(status.output).not.toContain("local:k1");
  });
});

test("every column of sealed values in the database is one that the commands know", async ({ db }) => {
  const { rows } = await db.pool.query<{ name: string }>(
    `select case table_schema when 'public' then '' else table_schema || '.' end || table_name || ' ' || column_name as name
       from information_schema.columns where column_name like '%\\_cipher' order by 1`,
  );

  expect(rows.map(({ name }) => name)).toEqual(CIPHER_COLUMNS.map(({ table, column }) => `${table} ${column}`).sort());
});

test("an unknown command prints the usage and ends with 2", async ({ db, keys }) => {
  const { code, output } = await startKeys(settings(db, keys.keyring), "rotate").ended;

  expect(code).toBe(2);
  expect(output).toContain("npm run keys -- rotate-dek");
});
