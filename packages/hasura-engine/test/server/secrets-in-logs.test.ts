import { createLogger } from "@control-plane/service-kit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine.ts";
import { buildServer } from "../../src/server.ts";
import { settingsFromEnv } from "../../src/settings.ts";
import { metadataOf, watched } from "../events/world.ts";
import { type Outside, startOutside } from "../outside.ts";
import { ADMIN_SECRET, JWT_KEY, userHeaders } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

const CANARY = "canary-5b1f";
const lines: string[] = [];
const log = createLogger({
  service: "hasura-engine",
  level: "info",
  destination: { write: (line) => void lines.push(line) },
});
const logged = (): string => lines.join("");

let database: TestDatabase;
let handler: Outside;
let engine: Engine;
let server: Awaited<ReturnType<typeof buildServer>>;

const mayInsert = (role: string) => ({ insert_permissions: [{ role, permission: { check: {}, columns: "*" } }] });

beforeAll(async () => {
  database = await createTestDatabase(`
    create table unique_notes (note text unique);
    insert into unique_notes values ('${CANARY}');
    create table checked_notes (note text check (length(note) < 3));
    create table raising_notes (note text);
    create function raise_note() returns trigger language plpgsql as $$
      begin raise 'no %', new.note using detail = new.note, hint = new.note; end $$;
    create trigger raise_note before insert on raising_notes for each row execute function raise_note();
    create table dynamic_notes (note text);
    create function call_nothing() returns trigger language plpgsql as $$
      begin execute format('select nothing_of_the_kind(%L)', new.note); return new; end $$;
    create trigger call_nothing before insert on dynamic_notes for each row execute function call_nothing();
    create table watched_notes (note text);
  `);
  handler = await startOutside(({ path }) =>
    path === "/broken" ? { body: `{${CANARY}` } : { status: path === "/down" ? 500 : 200, body: `["${CANARY}"]` },
  );
  const settings = settingsFromEnv({
    HASURA_GRAPHQL_ADMIN_SECRET: ADMIN_SECRET,
    HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: "HS256", key: JWT_KEY }),
    HASURA_GRAPHQL_DEV_MODE: "true",
    HASURA_GRAPHQL_EVENTS_FETCH_INTERVAL: "50",
  });
  const action = (name: string, url: string) => ({
    name,
    definition: {
      type: "mutation",
      arguments: [{ name: "secret", type: "String" }],
      output_type: "Done!",
      handler: url,
    },
    permissions: [{ role: "user" }],
  });
  const tables = ["unique_notes", "checked_notes", "raising_notes", "dynamic_notes"];
  const metadata = metadataOf(
    [
      ...tables.map((table) => ({ table, ...mayInsert("user") })),
      { ...watched("watched_notes", `${handler.url}/event`), ...mayInsert("user") },
    ],
    {
      actions: [
        action("shapeless", `${handler.url}/list`),
        action("broken", `${handler.url}/broken`),
        action("down", `${handler.url}/down`),
        action("gone", "http://127.0.0.1:1/nobody"),
      ],
      custom_types: { objects: [{ name: "Done", fields: [{ name: "ok", type: "Boolean" }] }] },
    },
  );
  engine = await createEngine({ metadata, databaseUrl: database.url, settings, log });
  server = await buildServer(engine, {
    settings,
    onInternalError: (error, requestId) =>
      log.error({ err: error, requestId }, "a request failed by an error of the engine"),
  });
});
beforeEach(() => {
  lines.length = 0;
});
afterAll(async () => {
  await server.close();
  await engine.close();
  await handler.close();
  await database.drop();
});

async function ask(headers: Record<string, string>, query: string): Promise<string> {
  const { body } = await server.inject({
    method: "POST",
    url: "/v1/graphql",
    headers,
    payload: { query, variables: { v: CANARY } },
  });
  return body;
}

const asUser = userHeaders("user");
const asAdmin = { "x-hasura-admin-secret": ADMIN_SECRET };
const insert = (table: string) => `mutation ($v: String) { insert_${table}(objects: {note: $v}) { affected_rows } }`;

describe.each([
  ["a user", asUser],
  ["the admin", asAdmin],
])("of what %s sends", (_who, headers) => {
  test.each([
    ["unique_notes", "23505"],
    ["checked_notes", "23514"],
    ["dynamic_notes", "42883"],
  ])("a statement on %s that fails says nothing in the answer or the log", async (table, state) => {
    const answer = await ask(headers, insert(table));

    expect(answer).toContain(state);
    expect(answer + logged()).not.toContain(CANARY);
  });

  test.each([
    ["raising_notes", "P0001"],
    ["dynamic_notes", "42883"],
  ])("an error of the database on %s is logged by its SQLSTATE and without its message", async (table, state) => {
    await ask(headers, insert(table));

    expect(logged()).toContain(state);
    expect(logged()).not.toContain(CANARY);
  });

  test.each(["shapeless", "broken", "down", "gone"])(
    "an action whose handler is %s says neither its input nor the handler's answer",
    async (name) => {
      const answer = await ask(headers, `mutation ($v: String) { ${name}(secret: $v) { ok } }`);

      expect(answer).toContain('"errors"');
      expect(logged()).toContain("unexpected");
      expect(answer + logged()).not.toContain(CANARY);
    },
  );
});

test("an event whose outcome cannot be recorded says nothing of its body or the webhook's answer", async () => {
  await database.pool.query("alter table embedded_hdb.event_invocations add check (response_body = '')");

  await ask(asUser, insert("watched_notes"));

  await expect.poll(logged).toContain("an event's outcome could not be recorded");
  expect(logged()).toContain("23514");
  expect(logged()).not.toContain(CANARY);
});
