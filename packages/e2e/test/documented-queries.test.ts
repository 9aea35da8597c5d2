import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createDatabase } from "@control-plane/db";
import { createWorld } from "@control-plane/testkit";
import { expect } from "vitest";
import { type ControlPlane, login } from "./control-plane.ts";
import { test } from "./shared-plane.ts";

/** The GraphQL examples of a page, by their names. */
function examplesOf(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(import.meta.dirname, "../../../docs", page), "utf8");
  const blocks = [...text.matchAll(/```graphql\n(.*?)```/gs)].map(([, block = ""]) => block);
  return new Map(blocks.map((block) => [/^query (\w+)/.exec(block)?.[1] ?? "", block]));
}

const examples = examplesOf("reference/versions.md");
let plane: ControlPlane;
let database: ReturnType<typeof createDatabase>;

test.beforeAll(async ({ openSharedPlane }) => {
  plane = await openSharedPlane();
  database = createDatabase({ url: plane.databaseUrl, poolMax: 2, applicationName: "e2e", work: "command" });
});
test.afterAll(async () => database?.close());

test("the documented queries read the latest version and one by its number", async () => {
  const tenant = await createWorld(database.db).tenant();
  const token = await login(plane, await tenant.user("builder"));
  const workflow = await tenant.workflow();
  await workflow.publish();
  const app = await tenant.app();
  const read = (name: string, variables: Record<string, unknown>) =>
    plane.graphql(examples.get(name) ?? "", variables, token);

  expect(await read("LatestVersion", { workflow: workflow.id })).toMatchObject({
    data: { workflow_versions: [{ version: 2, definition: { schemaVersion: 1 } }] },
  });
  expect(await read("VersionByNumber", { workflow: workflow.id, number: 1 })).toMatchObject({
    data: { workflow_versions: [{ version: 1, is_latest: false }] },
  });
  expect(await read("LatestAppVersion", { app: app.id })).toMatchObject({
    data: { app_versions: [{ version: "1.0.0", actions: [{ key: "call" }] }] },
  });
  expect(await read("AppVersionByNumber", { app: app.id, version: "1.0.0" })).toMatchObject({
    data: { app_versions: [{ is_latest: true, actions: [{ key: "call" }] }] },
  });
  expect([...examples.keys()]).toEqual(["LatestVersion", "VersionByNumber", "LatestAppVersion", "AppVersionByNumber"]);
});
