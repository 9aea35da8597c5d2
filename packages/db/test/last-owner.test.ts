import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { outcomeOf, useOwnDatabase } from "./own-database.ts";
import { addMember, addTenant } from "./rows.ts";

const own = useOwnDatabase();

const REFUSED = "23514 LAST_OWNER";

const demotion = (id: string) => sql`update memberships set role = 'admin' where id = ${id}`;
const removal = (id: string) => sql`update memberships set status = 'REMOVED', removed_at = now() where id = ${id}`;
const deletion = (id: string) => sql`delete from memberships where id = ${id}`;

test.each([
  ["demoted", demotion],
  ["removed", removal],
  ["deleted", deletion],
])("the last owner cannot be %s", async (_how, write) => {
  const tenant = await addTenant(own.db);
  const owner = await addMember(own.db, tenant.id, "owner");
  await addMember(own.db, tenant.id, "admin");

  expect(await outcomeOf(own.db.execute(write(owner.id)))).toBe(REFUSED);
});

test("one of two owners may be demoted", async () => {
  const tenant = await addTenant(own.db);
  const owner = await addMember(own.db, tenant.id, "owner");
  await addMember(own.db, tenant.id, "owner");

  expect(await outcomeOf(own.db.execute(demotion(owner.id)))).toBe("done");
});

test("ownership may be handed over in one transaction, in either order", async () => {
  const tenant = await addTenant(own.db);
  const owner = await addMember(own.db, tenant.id, "owner");
  const heir = await addMember(own.db, tenant.id, "builder");

  const outcome = await outcomeOf(
    own.db.transaction(async (tx) => {
      await tx.execute(demotion(owner.id));
      await tx.execute(sql`update memberships set role = 'owner' where id = ${heir.id}`);
    }),
  );

  expect(outcome).toBe("done");
});

test("a removed owner does not count", async () => {
  const tenant = await addTenant(own.db);
  const owner = await addMember(own.db, tenant.id, "owner");
  const gone = await addMember(own.db, tenant.id, "owner");
  await own.db.execute(removal(gone.id));

  expect(await outcomeOf(own.db.execute(demotion(owner.id)))).toBe(REFUSED);
});

test("of two owners who demote each other at the same time one is refused", async () => {
  const tenant = await addTenant(own.db);
  const [first, second] = [await addMember(own.db, tenant.id, "owner"), await addMember(own.db, tenant.id, "owner")];
  // Both have written before either commits.
  let written = 0;
  let bothWrote: () => void = () => undefined;
  const barrier = new Promise<void>((resolve) => {
    bothWrote = resolve;
  });
  const demote = (id: string) =>
    outcomeOf(
      own.db.transaction(async (tx) => {
        await tx.execute(demotion(id));
        written += 1;
        if (written === 2) bothWrote();
        await barrier;
      }),
    );

  const outcomes = await Promise.all([demote(second.id), demote(first.id)]);

  expect(outcomes.sort()).toEqual([REFUSED, "done"]);
});
