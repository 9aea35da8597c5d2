import { createHash } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { actions, workflowVersions } from "../src/index.ts";
import { outcomeOf, useOwnDatabase } from "./own-database.ts";
import { addApp, addMember, addPublishedVersion, addTenant, addWorkflow } from "./rows.ts";

const own = useOwnDatabase();

const REFUSED = "23514 PUBLISHED_IMMUTABLE";

async function publishedWorkflow() {
  const tenant = await addTenant(own.db);
  const workflow = await addWorkflow(own.db, tenant.id);
  return { workflow, version: await addPublishedVersion(own.db, workflow) };
}

async function publishedApp() {
  const { app, version } = await addApp(own.db, (await addTenant(own.db)).id);
  await own.db.insert(actions).values({ appVersionId: version.id, key: "act", name: "Act" });
  await own.db.execute(sql`update app_versions set published_at = now(), is_latest = true where id = ${version.id}`);
  return { app, version };
}

test.each([
  ["definition", sql`definition = '{"other": true}'`],
  ["version", sql`version = 9`],
  ["content_hash", sql`content_hash = 'x'`],
  ["published_at", sql`published_at = null, is_latest = false`],
  ["created_at", sql`created_at = now() - interval '1 day'`],
])("the %s of a published workflow version cannot change", async (_column, change) => {
  const { version } = await publishedWorkflow();

  const outcome = await outcomeOf(own.db.execute(sql`update workflow_versions set ${change} where id = ${version.id}`));

  expect(outcome).toBe(REFUSED);
});

test("is_latest of a published workflow version may change", async () => {
  const { version } = await publishedWorkflow();

  const outcome = await outcomeOf(
    own.db.execute(sql`update workflow_versions set is_latest = false where id = ${version.id}`),
  );

  expect(outcome).toBe("done");
});

test("is_latest of a published app version may change", async () => {
  const { version } = await publishedApp();

  const outcome = await outcomeOf(
    own.db.execute(sql`update app_versions set is_latest = false where id = ${version.id}`),
  );

  expect(outcome).toBe("done");
});

test.each([
  ["number", sql`version = '1.0.1'`],
  ["sign-in", sql`auth_type = 'BASIC'`],
])("the %s of a published app version cannot change", async (_column, change) => {
  const { version } = await publishedApp();

  const outcome = await outcomeOf(own.db.execute(sql`update app_versions set ${change} where id = ${version.id}`));

  expect(outcome).toBe(REFUSED);
});

test("a published workflow version cannot be deleted, not even with its workflow", async () => {
  const { workflow, version } = await publishedWorkflow();

  const outcomes = [
    await outcomeOf(own.db.execute(sql`delete from workflow_versions where id = ${version.id}`)),
    await outcomeOf(own.db.execute(sql`delete from workflows where id = ${workflow.id}`)),
  ];

  expect(outcomes).toEqual([REFUSED, REFUSED]);
});

test("a published workflow version stays when its publisher's account goes", async () => {
  const { version } = await publishedWorkflow();
  const tenant = await addTenant(own.db);
  const workflow = await addWorkflow(own.db, tenant.id);
  const user = (await addMember(own.db, tenant.id, "viewer")).userId;
  const [draft] = await own.db
    .insert(workflowVersions)
    .values({ tenantId: tenant.id, workflowId: workflow.id, definition: {}, createdBy: user })
    .returning();
  await own.db.execute(
    sql`update workflow_versions set published_at = now(), published_by = ${user} where id = ${draft?.id}`,
  );
  await own.db.execute(sql`delete from memberships where user_id = ${user}`);

  const outcome = await outcomeOf(own.db.execute(sql`delete from users where id = ${user}`));

  expect(outcome).toBe("done");
  expect(version.id).not.toBe(draft?.id);
});

test("a draft may change and go", async () => {
  const tenant = await addTenant(own.db);
  const workflow = await addWorkflow(own.db, tenant.id);
  await own.db.insert(workflowVersions).values({ tenantId: tenant.id, workflowId: workflow.id, definition: {} });

  const outcomes = [
    await outcomeOf(
      own.db.execute(sql`update workflow_versions set definition = '{"a": 1}' where workflow_id = ${workflow.id}`),
    ),
    await outcomeOf(own.db.execute(sql`delete from workflow_versions where workflow_id = ${workflow.id}`)),
  ];

  expect(outcomes).toEqual(["done", "done"]);
});

test.each([
  ["its description", "update app_versions set changelog = 'x' where id = $1"],
  ["its hosts", "update app_versions set allowed_hosts = '{evil.example}' where id = $1"],
  ["itself, by deletion", "delete from app_versions where id = $1"],
  ["an action's request", "update actions set request = '{}' where app_version_id = $1"],
  ["the number of its actions, by insert", "insert into actions (app_version_id, key, name) values ($1, 'more', 'x')"],
  ["the number of its actions, by deletion", "delete from actions where app_version_id = $1"],
])("of a published app version nobody changes %s", async (_what, statement) => {
  const { version } = await publishedApp();

  const outcome = await outcomeOf(own.pool.query(statement, [version.id]));

  expect(outcome).toBe(REFUSED);
});

test("a draft app version goes with its actions", async () => {
  const { version } = await addApp(own.db, (await addTenant(own.db)).id);
  await own.db.insert(actions).values({ appVersionId: version.id, key: "act", name: "Act" });

  const outcome = await outcomeOf(own.db.execute(sql`delete from app_versions where id = ${version.id}`));

  expect(outcome).toBe("done");
});

test("versions of a workflow are numbered without gaps, whatever number is given", async () => {
  const tenant = await addTenant(own.db);
  const workflow = await addWorkflow(own.db, tenant.id);
  for (let n = 0; n < 3; n += 1) {
    await own.db
      .insert(workflowVersions)
      .values({ tenantId: tenant.id, workflowId: workflow.id, definition: { n }, version: 77 });
    await own.db.execute(
      sql`update workflow_versions set published_at = now() where workflow_id = ${workflow.id} and published_at is null`,
    );
  }

  const rows = await own.db.select().from(workflowVersions).where(eq(workflowVersions.workflowId, workflow.id));

  expect(rows.map((row) => row.version).sort()).toEqual([1, 2, 3]);
});

test("two first versions inserted at once: one is the draft, the other is refused", async () => {
  const tenant = await addTenant(own.db);
  const workflow = await addWorkflow(own.db, tenant.id);
  const insert = () =>
    outcomeOf(own.db.insert(workflowVersions).values({ tenantId: tenant.id, workflowId: workflow.id, definition: {} }));

  const outcomes = await Promise.all([insert(), insert()]);

  expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(1);
});

test("the content hash is the SHA-256 of the stored definition and follows it", async () => {
  const tenant = await addTenant(own.db);
  const workflow = await addWorkflow(own.db, tenant.id);
  await own.db
    .insert(workflowVersions)
    .values({ tenantId: tenant.id, workflowId: workflow.id, definition: { a: 1 }, contentHash: "mine" });
  await own.db.execute(
    sql`update workflow_versions set definition = '{"b": [1, 2]}' where workflow_id = ${workflow.id}`,
  );

  const { rows } = await own.pool.query<{ content_hash: string; text: string }>(
    "select content_hash, definition::text as text from workflow_versions where workflow_id = $1",
    [workflow.id],
  );

  expect(rows[0]?.content_hash).toBe(
    createHash("sha256")
      .update(rows[0]?.text ?? "")
      .digest("hex"),
  );
});

test("a workflow has at most one latest version", async () => {
  const { workflow } = await publishedWorkflow();

  const outcome = await outcomeOf(addPublishedVersion(own.db, workflow));

  expect(outcome).toMatch(/^23505 .*workflow_versions_latest_key/);
});

test.each([
  ["1.2.3", "1000002000003"],
  ["999999.999999.999999", "999999999999999999"],
])("the order of version %s is %s", async (version, order) => {
  const { app } = await addApp(own.db, (await addTenant(own.db)).id);
  await own.db.execute(
    sql`insert into app_versions (app_id, version, auth_type) values (${app.id}, ${version}, 'NONE')`,
  );

  const { rows } = await own.pool.query(
    "select version_order::text from app_versions where app_id = $1 and version = $2",
    [app.id, version],
  );

  expect(rows).toEqual([{ version_order: order }]);
});

test.each(["1.2", "01.2.3", "1.2.3-beta", "1000000.0.0", "x"])("%s is not a version", async (version) => {
  const { app } = await addApp(own.db, (await addTenant(own.db)).id);

  const outcome = await outcomeOf(
    own.db.execute(sql`insert into app_versions (app_id, version, auth_type) values (${app.id}, ${version}, 'NONE')`),
  );

  expect(outcome).toMatch(/^23514 .*app_versions_version_form/);
});
