import { createHash } from "node:crypto";
import type { TestDatabase } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { accessKeys } from "../src/actions/access-keys.ts";
import { createAccessKey } from "../src/actions/create-access-key.ts";
import { logoutEverywhere } from "../src/actions/logout-everywhere.ts";
import { removeMember } from "../src/actions/remove-member.ts";
import { revokeAccessKey } from "../src/actions/revoke-access-key.ts";
import { askForToken, makeKey } from "./access-key-holder.ts";
import { test } from "./service.ts";

async function storedKeys(db: TestDatabase) {
  const { rows } = await db.pool.query(
    `select name, prefix, key_hash, revoked_at is not null as revoked,
            round(extract(epoch from expires_at - now()) / 86400)::int as days
       from internal.access_keys order by id`,
  );
  return rows;
}

describe("createAccessKey", () => {
  test.for(["owner", "admin", "builder", "viewer"] as const)(
    "gives an %s a key that is shown once and stored as its hash",
    async (role, { db, world, actions }) => {
      const acme = await world.tenant();
      const user = await acme.user(role);

      const made = await makeKey(actions, user, { name: " deploys " });

      expect(made.key).toMatch(/^ak_[\w-]{43}$/);
      expect(await storedKeys(db)).toEqual([
        {
          name: "deploys",
          prefix: made.key.slice(0, 8),
          key_hash: createHash("sha256").update(made.key).digest(),
          revoked: false,
          days: 90,
        },
      ]);
      const trail = (await acme.audit()).filter(({ action }) => action === "access_key.created");
      expect(trail).toMatchObject([{ targetId: made.keyId, actorId: user.id, changes: { name: "deploys" } }]);
      expect(JSON.stringify(trail)).not.toContain(made.key);
    },
  );

  test.for([
    ["no name", {}],
    ["a blank name", { name: "  " }],
    ["a name of 101 characters", { name: "x".repeat(101) }],
    ["no day", { name: "ci", expiresInDays: 0 }],
    ["366 days", { name: "ci", expiresInDays: 366 }],
    ["half a day", { name: "ci", expiresInDays: 0.5 }],
    ["somebody else", { name: "ci", userId: "0193b1c0-0000-7000-8000-000000000001" }],
  ] as const)("refuses %s", async ([, input], { db, world, actions }) => {
    const user = await (await world.tenant()).user("builder");

    expect(await actions.call(createAccessKey, user, input)).toBeRefused("BAD_INPUT");
    expect(await storedKeys(db)).toEqual([]);
  });

  test("refuses whoever is not signed in, and members whose role changed or who left", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("viewer");

    expect(await actions.call(createAccessKey, "anonymous", { name: "ci" })).toBeRefused("FORBIDDEN");
    expect(
      await actions.call(createAccessKey, user, { name: "ci" }, { session: { "x-hasura-role": "owner" } }),
    ).toBeRefused("FORBIDDEN");
  });

  test("of thirty at once exactly twenty are made; a revoked one makes room", async ({ db, world, actions }) => {
    const user = await (await world.tenant()).user("builder");

    const replies = await Promise.all(
      Array.from({ length: 30 }, () => actions.call(createAccessKey, user, { name: "ci" })),
    );

    const made = replies.flatMap((reply) => (reply.outcome === "done" ? [reply.output] : []));
    expect(made).toHaveLength(20);
    for (const reply of replies) if (reply.outcome === "refused") expect(reply).toBeRefused("CONFLICT");
    await actions.succeed(revokeAccessKey, user, { keyId: made[0]?.keyId });
    await makeKey(actions, user);
    expect(await actions.call(createAccessKey, user, { name: "ci" })).toBeRefused("CONFLICT");
    expect(await storedKeys(db)).toHaveLength(21);
  });
});

describe("accessKeys", () => {
  test("shows the caller's own keys, newest first, and no key of anybody", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const ann = await acme.user("builder");
    const elsewhere = await globex.user("builder", { existing: ann });
    const made = [await makeKey(actions, ann, { name: "one" }), await makeKey(actions, ann, { name: "two" })];
    await makeKey(actions, await acme.user("builder"));
    await makeKey(actions, elsewhere);

    const listed = await actions.succeed(accessKeys, ann, {});

    expect(listed).toMatchObject([
      { keyId: made[1]?.keyId, name: "two", userId: ann.id, lastUsedAt: null, revokedAt: null },
      { keyId: made[0]?.keyId, name: "one" },
    ]);
    for (const { key } of made) expect(JSON.stringify(listed)).not.toContain(key.slice(8));
  });

  test("shows owners and admins the tenant's when they ask for all, and refuses others", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const people = {
      owner: await acme.user("owner"),
      admin: await acme.user("admin"),
      builder: await acme.user("builder"),
      viewer: await acme.user("viewer"),
    };
    const keyIds = [];
    for (const user of Object.values(people)) keyIds.unshift((await makeKey(actions, user)).keyId);
    await makeKey(actions, await globex.user("owner"));

    for (const user of [people.owner, people.admin]) {
      const listed = await actions.succeed(accessKeys, user, { all: true });
      expect(listed).toMatchObject(keyIds.map((keyId) => ({ keyId })));
    }
    for (const user of [people.builder, people.viewer])
      expect(await actions.call(accessKeys, user, { all: true })).toBeRefused("FORBIDDEN");
    expect((await acme.audit()).map(({ action }) => action)).toContain("accessKeys.denied");
  });
});

describe("revokeAccessKey", () => {
  test("stops the key at once, may be repeated, and is on the trail once", async ({ world, actions, service }) => {
    const acme = await world.tenant();
    const user = await acme.user("viewer");
    const { keyId, key } = await makeKey(actions, user);
    const before = await askForToken(service, key);

    const replies = [];
    for (let times = 0; times < 2; times += 1) replies.push(await actions.succeed(revokeAccessKey, user, { keyId }));

    expect(before.status).toBe(200);
    expect(replies).toEqual([{ ok: true }, { ok: true }]);
    expect((await askForToken(service, key)).status).toBe(401);
    const trail = (await acme.audit()).filter(({ action }) => action === "access_key.revoked");
    expect(trail).toMatchObject([{ targetId: keyId, actorId: user.id }]);
  });

  test("reaches everybody's keys of the tenant for owners and admins, the own ones for others", async ({
    world,
    actions,
  }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const [owner, admin, builder] = [await acme.user("owner"), await acme.user("admin"), await acme.user("builder")];
    const stranger = await globex.user("owner");
    const keyOf = async () => (await makeKey(actions, owner)).keyId;

    const foreign = await actions.call(revokeAccessKey, stranger, { keyId: await keyOf() });
    const others = await actions.call(revokeAccessKey, builder, { keyId: await keyOf() });
    const unknown = await actions.call(revokeAccessKey, owner, { keyId: "0193b1c0-0000-7000-8000-000000000001" });
    const byAdmin = await actions.call(revokeAccessKey, admin, { keyId: await keyOf() });

    for (const reply of [foreign, others, unknown]) expect(reply).toBeRefused("NOT_FOUND");
    expect(byAdmin.outcome).toBe("done");
    expect(await actions.call(revokeAccessKey, owner, { keyId: "all" })).toBeRefused("BAD_INPUT");
  });
});

test("keys end with the membership, and with signing out everywhere", async ({ world, actions, service }) => {
  const acme = await world.tenant();
  const [owner, leaver, leaving] = [await acme.user("owner"), await acme.user("builder"), await acme.user("builder")];
  const [removed, signedOut] = [await makeKey(actions, leaver), await makeKey(actions, leaving)];

  await actions.succeed(removeMember, owner, { membershipId: leaver.membershipId });
  await actions.succeed(logoutEverywhere, leaving, {});

  expect((await askForToken(service, removed.key)).status).toBe(401);
  expect((await askForToken(service, signedOut.key)).status).toBe(401);
  const trail = (await acme.audit()).filter(({ action }) => action === "access_key.revoked");
  expect(trail.map(({ targetId }) => targetId)).toEqual([removed.keyId, signedOut.keyId]);
});
