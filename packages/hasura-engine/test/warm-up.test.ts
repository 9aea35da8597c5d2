import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../src/engine.ts";
import { parseMetadata } from "../src/metadata/parse-metadata.ts";
import { settingsFromEnv } from "../src/settings.ts";
import { warmUp } from "../src/warm-up.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

let database: TestDatabase;
let engine: Engine;

const reader = (columns: readonly string[]) => [{ role: "reader", permission: { columns, filter: {} } }];
const tables = [
  {
    table: "authors",
    array_relationships: [
      { name: "articles", using: { foreign_key_constraint_on: { table: "articles", column: "author_id" } } },
    ],
    select_permissions: reader(["id"]),
  },
  {
    table: "articles",
    object_relationships: [{ name: "author", using: { foreign_key_constraint_on: "author_id" } }],
    array_relationships: [
      { name: "notes", using: { foreign_key_constraint_on: { table: "notes", column: "article_id" } } },
    ],
    select_permissions: reader(["id", "title"]),
  },
  {
    table: "notes",
    object_relationships: [{ name: "article", using: { foreign_key_constraint_on: "article_id" } }],
    select_permissions: reader(["id"]),
  },
];

beforeAll(async () => {
  database = await createTestDatabase(`
    create table authors (id int primary key);
    create table articles (id int primary key, title text, author_id int references authors);
    create table notes (id int primary key, article_id int references articles);
  `);
  const configuration = { connection_info: { database_url: "postgres://unused" } };
  const sources = [{ name: "default", kind: "postgres", configuration, tables }];
  const parsed = parseMetadata({ version: 3, sources }, {});
  if ("problems" in parsed) throw new Error("the metadata is refused");
  engine = await createEngine({ metadata: parsed.metadata, databaseUrl: database.url, settings: settingsFromEnv({}) });
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

/** The engine, which tells how each plan ended. */
function told(outcomes: string[]): Pick<Engine, "plan" | "state"> {
  return {
    state: engine.state,
    plan(request, session) {
      try {
        const planned = engine.plan(request, session);
        outcomes.push("planned");
        return planned;
      } catch (error) {
        outcomes.push(error instanceof Error ? error.message : String(error));
        throw error;
      }
    },
  };
}

test("documents of every kind that is too dear are refused in each role, several times", async () => {
  const outcomes: string[] = [];

  await warmUp(told(outcomes), new AbortController().signal);

  const [round, ...others] = Array.from({ length: outcomes.length / 4 }, (_, index) =>
    outcomes.slice(index * 4, index * 4 + 4),
  );
  expect(round).toEqual([
    "the document needs more than 60 subqueries",
    expect.stringMatching(/^the conditions follow/),
    "back references in patterns are not accepted",
    "the document has more than 60 root fields",
  ]);
  expect(others.length).toBeGreaterThan(1);
  expect(others.every((outcome) => outcome.join() === round?.join())).toBe(true);
});

test("nothing is planned once the engine closes", async () => {
  const outcomes: string[] = [];

  await warmUp(told(outcomes), AbortSignal.abort());

  expect(outcomes).toEqual([]);
});
