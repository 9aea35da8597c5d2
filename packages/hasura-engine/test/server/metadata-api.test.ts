import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ADMIN_SECRET, type ServedCli, serveCli } from "../serve-cli.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

const tableFile = "databases/default/tables/public_things.yaml";
const original = resolve(import.meta.dirname, "../fixtures/metadata");

let database: TestDatabase;
let dir: string;
let served: ServedCli;

beforeAll(async () => {
  database = await createTestDatabase(
    "create table things (id int primary key, name text); create table others (id int primary key)",
  );
  dir = await mkdtemp(join(tmpdir(), "hasura-metadata-api-"));
  await cp(original, dir, { recursive: true });
  served = await serveCli({
    databaseUrl: database.url,
    metadataDir: dir,
    env: { HASURA_GRAPHQL_UNAUTHORIZED_ROLE: "reader" },
  });
});
beforeEach(async () => {
  await cp(original, dir, { recursive: true });
  await metadata({ type: "reload_metadata", args: {} });
});
afterAll(async () => {
  await served.stop();
  await rm(dir, { recursive: true });
  await database.drop();
});

const admin = { "x-hasura-admin-secret": ADMIN_SECRET };

async function metadata(body: unknown, headers: Record<string, string> = admin) {
  const reply = await fetch(`${served.url}/v1/metadata`, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const answer: unknown = await reply.json();
  return { status: reply.status, answer };
}

async function ask(query: string): Promise<unknown> {
  const reply = await fetch(`${served.url}/v1/graphql`, {
    method: "POST",
    headers: admin,
    body: JSON.stringify({ query }),
  });
  return reply.json();
}

const track = (name: string) => writeFile(join(dir, tableFile), `table: {name: ${name}, schema: public}\n`);

test("export_metadata gives the directory as one object", async () => {
  const { status, answer } = await metadata({ type: "export_metadata", args: {} });

  expect(status).toBe(200);
  expect(answer).toMatchObject({
    version: 3,
    sources: [
      {
        name: "default",
        configuration: { connection_info: { database_url: { from_env: "PG_DATABASE_URL" } } },
        tables: [{ table: { name: "things", schema: "public" } }],
      },
    ],
  });
});

test("reload_metadata serves what the directory says now", async () => {
  expect(await ask("{ things { id } }")).toEqual({ data: { things: [] } });
  await track("others");

  const { status, answer } = await metadata({ type: "reload_metadata", args: {} });

  expect(status).toBe(200);
  expect(answer).toEqual({ message: "success", is_consistent: true, inconsistent_objects: [] });
  expect(await ask("{ others { id } }")).toEqual({ data: { others: [] } });
  expect(await ask("{ things { id } }")).toMatchObject({ errors: [{ extensions: { code: "validation-failed" } }] });
});

test("a reload of what is not supported changes nothing and names every finding", async () => {
  await writeFile(join(dir, tableFile), "table: {name: others, schema: public}\ncomputed_fields: [{}]\ntypo: 1\n");

  const { status, answer } = await metadata({ type: "reload_metadata", args: {} });

  expect(status).toBe(400);
  expect(answer).toMatchObject({ code: "not-supported", path: "$" });
  expect(JSON.stringify(answer)).toMatch(/computed_fields is not supported.*unknown key \\"typo\\"/s);
  expect(await ask("{ things { id } }")).toEqual({ data: { things: [] } });
});

test("get_inconsistent_metadata names what is left out", async () => {
  await track("nobody");
  await metadata({ type: "reload_metadata", args: {} });

  const { answer } = await metadata({ type: "get_inconsistent_metadata", args: {} });

  expect(answer).toEqual({
    is_consistent: false,
    inconsistent_objects: [
      {
        definition: expect.anything(),
        name: "table nobody in source default",
        reason: expect.stringContaining('no such table/view exists in source: "nobody"'),
        type: "table",
      },
    ],
  });
});

test("bulk runs its operations in order", async () => {
  await track("others");

  const { status, answer } = await metadata({
    type: "bulk",
    args: [
      { type: "reload_metadata", args: {} },
      { type: "get_inconsistent_metadata", args: {} },
    ],
  });

  expect(status).toBe(200);
  expect(answer).toEqual([
    { message: "success", is_consistent: true, inconsistent_objects: [] },
    { is_consistent: true, inconsistent_objects: [] },
  ]);
});

test.each([
  ["no JSON", "{", 400, { code: "invalid-json", path: "$" }],
  ["a list", [], 400, { code: "parse-failed", path: "$" }],
  ["no type", { args: {} }, 400, { code: "parse-failed", path: "$" }],
  ["another operation", { type: "run_sql", args: {} }, 400, { code: "not-supported", path: "$.type" }],
  [
    "another operation in a bulk",
    { type: "bulk", args: [{ type: "replace_metadata", args: {} }] },
    400,
    { code: "not-supported", path: "$.args[0].type" },
  ],
  ["a bulk of no list", { type: "bulk", args: {} }, 400, { code: "parse-failed", path: "$.args" }],
])("%s is refused", async (_what, body, status, refusal) => {
  const reply = await metadata(body);

  expect(reply.status).toBe(status);
  expect(reply.answer).toMatchObject(refusal);
});

test.each([
  ["the unauthorized role", {}],
  ["a wrong secret", { "x-hasura-admin-secret": "wrong" }],
  ["another role under the right secret", { ...admin, "x-hasura-role": "reader" }],
])("%s may not ask", async (_who, headers) => {
  const { status, answer } = await metadata({ type: "export_metadata", args: {} }, headers);

  expect(status).toBe(401);
  expect(answer).toEqual({ path: "$", error: expect.any(String), code: "access-denied" });
});
