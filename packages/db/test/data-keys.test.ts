import { randomBytes } from "node:crypto";
import { createEnvelope, createLocalKeyring } from "@control-plane/crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { createDatabase, dataKeys, findActiveDataKey, findDataKey, insertDataKey, roleUrl } from "../src/index.ts";
import { outcomeOf, useOwnDatabase } from "./own-database.ts";
import { addTenant } from "./rows.ts";

const own = useOwnDatabase();

const keyring = JSON.stringify({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } });

function newKey(tenantId: string | null) {
  return { id: crypto.randomUUID(), tenantId, kekId: "local:k1", wrappedKey: randomBytes(60) };
}

test("of two first keys of a tenant one stays and both writers find it", async () => {
  const tenant = await addTenant(own.db);
  const [one, two] = [newKey(tenant.id), newKey(tenant.id)];

  await Promise.all([insertDataKey(own.db, one), insertDataKey(own.db, two)]);

  const found = await findActiveDataKey(own.db, tenant.id);
  expect([one, two]).toContainEqual(found);
});

test("the platform has one active key too", async () => {
  const [one, two] = [newKey(null), newKey(null)];

  await insertDataKey(own.db, one);
  await insertDataKey(own.db, two);

  expect(await findActiveDataKey(own.db, null)).toEqual(one);
});

test("a key that only decrypts is found by id and not as the active one", async () => {
  const tenant = await addTenant(own.db);
  const key = newKey(tenant.id);
  await insertDataKey(own.db, key);
  await own.db.update(dataKeys).set({ state: "DECRYPT_ONLY" }).where(eq(dataKeys.id, key.id));

  expect([await findActiveDataKey(own.db, tenant.id), await findDataKey(own.db, key.id)]).toEqual([undefined, key]);
});

test("a destroyed key is not found, and key material does not outlive it", async () => {
  const tenant = await addTenant(own.db);
  const key = newKey(tenant.id);
  await insertDataKey(own.db, key);
  const destroy = (wrappedKey: Buffer | null) =>
    own.db.update(dataKeys).set({ state: "DESTROYED", wrappedKey }).where(eq(dataKeys.id, key.id));

  const kept = await outcomeOf(destroy(key.wrappedKey));
  await destroy(null);

  expect(kept).toMatch(/data_keys_wrapped_unless_destroyed/);
  expect(await findDataKey(own.db, key.id)).toBeUndefined();
});

test("an envelope over the store of cp_gateway opens what one over cp_auth's sealed", async () => {
  const tenant = await addTenant(own.db);
  const place = { tenantId: tenant.id, table: "triggers", rowId: tenant.id, column: "webhook_secret_cipher" };
  const clients = (["cp_auth", "cp_gateway"] as const).map((role) =>
    createDatabase({ url: roleUrl(own.url, role), poolMax: 1, applicationName: "db-test", work: "command" }),
  );
  const [ofAuth, ofGateway] = clients.map(({ db }) =>
    createEnvelope({
      provider: createLocalKeyring(keyring),
      loadKey: (tenantId) => findActiveDataKey(db, tenantId),
      loadKeyById: (id) => findDataKey(db, id),
      insertKey: (key) => insertDataKey(db, key),
    }),
  );

  const sealed = await ofAuth?.seal(place, Buffer.from("secret"));
  const opened = await ofGateway?.open(place, sealed ?? Buffer.alloc(0));
  for (const client of clients) await client.close();

  expect(opened?.toString()).toBe("secret");
});
