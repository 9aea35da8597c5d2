import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADMIN_SECRET, serveCli } from "./serve-cli.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

const cli = resolve(import.meta.dirname, "../src/cli.ts");
const thingsFile = "databases/default/tables/public_things.yaml";
let database: TestDatabase;
let base: string;

beforeAll(async () => {
  database = await createTestDatabase("create table things (id int primary key, name text)");
  base = await mkdtemp(join(tmpdir(), "hasura-cli-"));
  await cp(resolve(import.meta.dirname, "fixtures/metadata"), join(base, "good"), { recursive: true });
});
afterAll(async () => {
  await rm(base, { recursive: true });
  await database.drop();
});

async function directoryWith(name: string, file: string, text: string): Promise<string> {
  const dir = join(base, name);
  await cp(join(base, "good"), dir, { recursive: true });
  await writeFile(join(dir, file), text);
  return dir;
}

function run(dir: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: process.env.PATH, PG_DATABASE_URL: database.url, HASURA_METADATA_DIR: dir };
  return new Promise((done) => {
    execFile(process.execPath, ["--conditions=@control-plane/source", cli, ...args], { env }, (error, out, err) => {
      done({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

test("check accepts consistent metadata", async () => {
  const result = await run(join(base, "good"), "check");

  expect(result).toMatchObject({ code: 0, out: "the metadata is consistent: 1 tables\n" });
});

test("check fails on an inconsistency and names it", async () => {
  const dir = await directoryWith("inconsistent", thingsFile, "table: {name: nobody, schema: public}\n");

  const result = await run(dir, "check");

  expect(result).toMatchObject({
    code: 1,
    err: 'table nobody in source default: no such table/view exists in source: "nobody"\n',
  });
});

test("check fails on what is not supported and names every finding", async () => {
  const dir = await directoryWith(
    "unsupported",
    thingsFile,
    "table: {name: things, schema: public}\ncomputed_fields: [{}]\ntypo: 1\n",
  );

  const result = await run(dir, "check");

  expect(result.code).toBe(1);
  expect(result.err.trim().split("\n").toSorted()).toEqual([
    `${thingsFile}#/computed_fields: computed_fields is not supported by the embedded engine`,
    `${thingsFile}#/typo: the unknown key "typo" is not supported by the embedded engine`,
  ]);
});

test("sdl prints the schema of a role", async () => {
  const result = await run(join(base, "good"), "sdl", "--role", "reader");

  expect(result.code).toBe(0);
  expect(result.out).toContain("type things {\n  name: String\n}");
});

test("sql prints the statements of a document", async () => {
  const document = join(base, "document.graphql");
  await writeFile(document, "{ things { name } }");

  const result = await run(join(base, "good"), "sql", "--role", "reader", document);

  expect(result.code).toBe(0);
  expect(result.out).toMatch(/select .*"public"\."things"/is);
});

test("an unknown command tells the usage", async () => {
  const result = await run(join(base, "good"), "dance");

  expect(result.code).toBe(1);
  expect(result.err).toMatch(/^usage: hasura-engine <command>/);
});

test("serve answers until it is told to end", async () => {
  const served = await serveCli({ databaseUrl: database.url, metadataDir: join(base, "good") });

  const answer = await fetch(`${served.url}/v1/graphql`, {
    method: "POST",
    headers: { "x-hasura-admin-secret": ADMIN_SECRET },
    body: '{"query":"{ things { name } }"}',
  });
  const code = await served.stop();

  expect(await answer.text()).toBe('{"data":{"things":[]}}');
  expect(code).toBe(0);
});
