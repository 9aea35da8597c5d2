import { randomBytes } from "node:crypto";
import { inTransaction } from "@control-plane/db";
import type { TestDatabase, TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { revokeAccessKeysOf } from "../src/domain/access-keys.ts";
import { test } from "./service.ts";

async function addKey(db: TestDatabase, { tenantId, id }: TestUser, change = ""): Promise<string> {
  const { rows } = await db.pool.query<{ id: string }>(
    `insert into internal.access_keys (tenant_id, user_id, name, prefix, key_hash, expires_at, revoked_at)
     values ($1, $2, 'ci', 'ak_abcde', $3, now() + interval '1 day', ${change === "revoked" ? "now()" : "null"}) returning id`,
    [tenantId, id, randomBytes(32)],
  );
  return rows[0]?.id ?? "";
}

async function liveKeys(db: TestDatabase): Promise<string[]> {
  const { rows } = await db.pool.query<{ id: string }>(
    "select id from internal.access_keys where revoked_at is null order by id",
  );
  return rows.map(({ id }) => id);
}

test("the keys of a membership end with it, on the trail, and nobody else's", async ({ service, world, db }) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const ann = await acme.user("builder");
  const bob = await acme.user("builder");
  const annElsewhere = await globex.user("viewer", { existing: ann });
  const first = await addKey(db, ann);
  const second = await addKey(db, ann);
  await addKey(db, ann, "revoked");
  const kept = [await addKey(db, bob), await addKey(db, annElsewhere)];

  await inTransaction(service.deps.db, { source: "auth-actions" }, (tx) =>
    revokeAccessKeysOf(tx, { userId: ann.id, tenantId: acme.id }),
  );

  const trail = (await acme.audit()).filter(({ action }) => action === "access_key.revoked");
  expect(await liveKeys(db)).toEqual(kept);
  expect(trail.map(({ targetId }) => targetId).sort()).toEqual([first, second].sort());
});

test("without a tenant the keys of all tenants end", async ({ service, world, db }) => {
  const [acme, globex] = [await world.tenant(), await world.tenant()];
  const ann = await acme.user("builder");
  const annElsewhere = await globex.user("viewer", { existing: ann });
  await addKey(db, ann);
  await addKey(db, annElsewhere);
  const actor = { source: "auth-actions", userId: ann.id, tenantId: acme.id, role: "builder" } as const;

  await inTransaction(service.deps.db, actor, (tx) => revokeAccessKeysOf(tx, { userId: ann.id }));

  const trails = await Promise.all([acme, globex].map((tenant) => tenant.audit()));
  expect(await liveKeys(db)).toEqual([]);
  expect(trails.map((trail) => trail.filter(({ action }) => action === "access_key.revoked").length)).toEqual([1, 1]);
});
