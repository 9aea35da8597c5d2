import { randomUUID } from "node:crypto";
import { actions as actionRows, appVersions, type Database } from "@control-plane/db";
import type { TestTenant } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { publishAppVersion } from "../src/actions/publish-app-version.ts";
import { holdRow, waitForWaiters } from "./held-rows.ts";
import { test } from "./service.ts";

const draftApp = (tenant: TestTenant, version = {}) =>
  tenant.app({ published: false, version, actions: [{ key: "call", inputSchema: { type: "object" } }] });

const BROKEN = { authType: "BEARER", allowedHosts: ["other.example"] } as const;

describe("publishAppVersion", () => {
  test.for(["owner", "admin", "builder"] as const)(
    "a %s publishes the only draft",
    async (role, { db, world, actions }) => {
      const acme = await world.tenant();
      const user = await acme.user(role);
      const app = await draftApp(acme);

      const output = await actions.succeed(publishAppVersion, user, { appId: app.id });

      expect(output).toEqual({
        appVersionId: app.version.id,
        version: "1.0.0",
        isLatest: true,
        publishedAt: expect.any(String),
        problems: [],
      });
      const { rows } = await db.pool.query(
        "select v.is_latest, v.published_by, a.status from app_versions v join apps a on a.id = v.app_id where v.id = $1",
        [app.version.id],
      );
      expect(rows).toEqual([{ is_latest: true, published_by: user.id, status: "PUBLISHED" }]);
      const trail = (await acme.audit()).filter(({ actorId }) => actorId === user.id);
      expect(trail.map(({ action }) => action).sort()).toEqual(["app.updated", "app_version.published"]);
    },
  );

  test("a higher version takes over, a patch of an old line does not", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await draftApp(acme);
    await actions.succeed(publishAppVersion, user, { appId: app.id });
    for (const version of ["1.0.1", "2.0.0"]) await addDraft(db.db, app.id, version);

    const two = await actions.succeed(publishAppVersion, user, { appId: app.id, version: "2.0.0" });
    const patch = await actions.succeed(publishAppVersion, user, { appId: app.id, version: "1.0.1" });

    expect(two).toMatchObject({ version: "2.0.0", isLatest: true });
    expect(patch).toMatchObject({ version: "1.0.1", isLatest: false, publishedAt: expect.any(String) });
    const { rows } = await db.pool.query("select version from app_versions where app_id = $1 and is_latest", [app.id]);
    expect(rows).toEqual([{ version: "2.0.0" }]);
    // A version that gives way to a higher one was not withdrawn by anybody.
    expect((await acme.audit()).filter(({ action }) => action === "app_version.unpublished")).toEqual([]);
  });

  test("problems are told with their places, and nothing is published", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await draftApp(acme, BROKEN);

    const reply = await actions.call(publishAppVersion, user, { appId: app.id });
    const dry = await actions.succeed(publishAppVersion, user, { appId: app.id, dryRun: true });

    const problems = [
      { pointer: "/version/base_url", code: "HOST_NOT_ALLOWED", message: expect.any(String) },
      { pointer: "/version/test_request", code: "TEST_REQUEST_MISSING", message: expect.any(String) },
    ];
    expect(reply).toMatchObject({ status: 422, code: "VALIDATION_FAILED", extensions: { problems } });
    expect(dry).toMatchObject({ isLatest: false, publishedAt: null, problems });
    const { rows } = await db.pool.query("select published_at from app_versions where app_id = $1", [app.id]);
    expect(rows).toEqual([{ published_at: null }]);
  });

  test("addresses inside are refused like any call to them would be", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await draftApp(acme, { baseUrl: "http://169.254.169.254", allowedHosts: ["169.254.169.254"] });

    const { problems } = await actions.succeed(publishAppVersion, user, { appId: app.id, dryRun: true });

    expect(problems).toMatchObject([{ pointer: "/version/base_url", code: "HOST_NOT_ALLOWED" }]);
  });

  test("a dry run of a good draft finds nothing and writes nothing", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await draftApp(acme);
    const events = (await acme.audit()).length;

    const output = await actions.succeed(publishAppVersion, user, { appId: app.id, dryRun: true });

    expect(output).toMatchObject({ isLatest: false, publishedAt: null, problems: [] });
    expect((await acme.audit()).length).toBe(events);
  });

  test("more actions than a version may have are not read", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await draftApp(acme);
    await db.pool.query(
      "insert into actions (app_version_id, key, name) select $1, 'a' || n, 'A' from generate_series(1, 200) n",
      [app.version.id],
    );

    const { problems } = await actions.succeed(publishAppVersion, user, { appId: app.id, dryRun: true });

    expect(problems).toMatchObject([{ pointer: "/actions", code: "TOO_LARGE" }]);
  });

  test.for([
    ["no app", {}],
    ["an id that is none", { appId: "x" }],
    ["a version that is none", { appId: randomUUID(), version: "1.0" }],
    ["a version with a long number", { appId: randomUUID(), version: "1.0.1000000" }],
    ["an unknown key", { appId: randomUUID(), force: true }],
  ] as const)("refuses %s as input", async ([, input], { world, actions }) => {
    const user = await (await world.tenant()).user("builder");

    expect(await actions.call(publishAppVersion, user, input)).toBeRefused("BAD_INPUT");
  });

  test("without a number there has to be exactly one draft", async ({ db, world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const [none, several] = [await acme.app(), await draftApp(acme)];
    await addDraft(db.db, several.id, "1.1.0");

    expect(await actions.call(publishAppVersion, user, { appId: none.id })).toBeRefused("BAD_INPUT");
    expect(await actions.call(publishAppVersion, user, { appId: several.id })).toBeRefused("BAD_INPUT");
    expect(await actions.call(publishAppVersion, user, { appId: none.id, version: "9.9.9" })).toBeRefused("NOT_FOUND");
  });

  test("a viewer may not", async ({ world, actions }) => {
    const acme = await world.tenant();
    const viewer = await acme.user("viewer");
    const app = await draftApp(acme);

    expect(await actions.call(publishAppVersion, viewer, { appId: app.id })).toBeRefused("FORBIDDEN");
  });

  test("another tenant's app and one of the global catalogue do not exist", async ({ world, actions }) => {
    const [acme, globex] = [await world.tenant(), await world.tenant()];
    const stranger = await globex.user("owner");
    const [foreign, global] = [await draftApp(acme), await world.globalApp({ published: false })];

    const replies = [foreign.id, global.id, randomUUID()].map((appId) =>
      actions.call(publishAppVersion, stranger, { appId }),
    );

    for (const reply of await Promise.all(replies)) {
      expect(reply).toMatchObject({ code: "NOT_FOUND", message: "there is no such app of your own" });
    }
  });

  test("publishing what is published changes nothing", async ({ world, actions }) => {
    const acme = await world.tenant();
    const user = await acme.user("builder");
    const app = await draftApp(acme);
    const first = await actions.succeed(publishAppVersion, user, { appId: app.id });
    const events = (await acme.audit()).length;

    const again = await actions.succeed(publishAppVersion, user, { appId: app.id, version: "1.0.0" });

    expect(again).toEqual(first);
    expect((await acme.audit()).length).toBe(events);
  });

  test("of two publishers who read the same draft one wins and the other learns of it", async ({
    db,
    world,
    actions,
  }) => {
    const acme = await world.tenant();
    const [ann, bob] = [await acme.user("builder"), await acme.user("builder")];
    const app = await draftApp(acme);
    const release = await holdRow(db.pool, "apps", app.id);
    const publishing = [ann, bob].map((user) => actions.call(publishAppVersion, user, { appId: app.id }));
    await waitForWaiters(db.pool, 2);

    await release();
    const replies = await Promise.all(publishing);

    expect(replies.filter(({ outcome }) => outcome === "done")).toHaveLength(1);
    expect(replies.find(({ outcome }) => outcome === "refused")).toBeRefused("PUBLISH_CONFLICT");
  });
});

test.for([
  ["the definition of a workflow version", "update workflow_versions set definition = '{}' where tenant_id = $1"],
  ["a request of an action", "update actions set request = '{}' where tenant_id = $1"],
  ["the hosts of an app version", "update app_versions set allowed_hosts = '{evil.example}' where tenant_id = $1"],
] as const)(
  "once published, %s cannot be changed by the service's own login role",
  async ([, statement], { db, world }) => {
    const acme = await world.tenant();
    await Promise.all([acme.app(), acme.workflow()]);

    const update = db.as("cp_auth").pool.query(statement, [acme.id]);

    await expect(update).rejects.toMatchObject({ message: "PUBLISHED_IMMUTABLE", code: "23514" });
  },
);

async function addDraft(db: Database, appId: string, version: string): Promise<void> {
  const [row] = await db
    .insert(appVersions)
    .values({ appId, version, authType: "NONE", baseUrl: "https://example.com", allowedHosts: ["example.com"] })
    .returning();
  await db.insert(actionRows).values({
    appVersionId: row?.id ?? "",
    key: "call",
    name: "call",
    request: { method: "GET", path: "/" },
  });
}
