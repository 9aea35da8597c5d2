import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestDatabase } from "../test-database.ts";
import { buildFrom, reasons } from "./build.ts";
import { createCrmDatabase } from "./crm.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createCrmDatabase();
});
afterAll(() => database.drop());

test("an event delivers every column by default, also one without a GraphQL name", async () => {
  const definition = { insert: { columns: "*" }, update: { columns: ["name"], payload: ["id", "odd name"] } };
  const event = { name: "t", definition, retry_conf: { num_retries: 1, interval_sec: 2 }, webhook: "{{HOOK}}/e" };

  const model = await buildFrom(
    database.pool,
    [{ table: "authors", event_triggers: [event] }],
    {},
    { env: { HOOK: "http://localhost" } },
  );

  const names = (columns: readonly { readonly name: string }[] | undefined) => columns?.map(({ name }) => name);
  const [trigger] = model.eventTriggers;
  expect(trigger).toMatchObject({
    url: "http://localhost/e",
    delete: undefined,
    retry: { numRetries: 1, intervalSeconds: 2, timeoutSeconds: 60 },
  });
  expect(names(trigger?.insert?.payload)).toEqual(["id", "name", "odd name"]);
  expect([names(trigger?.update?.columns), names(trigger?.update?.payload)]).toEqual([["name"], ["id", "odd name"]]);
});

test.each([
  ["a template", { webhook: "{{HASURA_GRAPHQL_HOOKS}}/e" }, "http://hooks/e"],
  ["a variable", { webhook_from_env: "HASURA_GRAPHQL_HOOKS" }, "http://hooks"],
])("an event's address may be %s of Hasura's own", async (_name, address, url) => {
  const event = {
    name: "t",
    definition: { insert: { columns: "*" } },
    retry_conf: { num_retries: 1, interval_sec: 2 },
    ...address,
  };

  const model = await buildFrom(
    database.pool,
    [{ table: "authors", event_triggers: [event] }],
    {
      cron_triggers: [
        { name: "c", webhook: "{{HASURA_GRAPHQL_HOOKS}}/c", include_in_metadata: true, schedule: "* * * * *" },
      ],
    },
    { env: { HASURA_GRAPHQL_HOOKS: "http://hooks" } },
  );

  expect(reasons(model)).toEqual([]);
  expect(model.eventTriggers).toMatchObject([{ url }]);
  expect(model.cronTriggers).toMatchObject([{ url: "http://hooks/c" }]);
});

test("a variable that holds no address is told by its name", async () => {
  const event = { name: "t", definition: { insert: { columns: "*" } }, webhook_from_env: "ADDRESS" };

  const model = await buildFrom(
    database.pool,
    [{ table: "authors", event_triggers: [{ ...event, retry_conf: { num_retries: 1, interval_sec: 2 } }] }],
    {},
    { env: { ADDRESS: "a-secret" } },
  );

  expect(reasons(model)).toEqual([expect.stringMatching(/"\{\{ADDRESS\}\}" is not an http url$/)]);
});

test("crons have Hasura's defaults, and a schedule of six fields is inconsistent", async () => {
  const cron = { webhook: "http://x", include_in_metadata: true };

  const model = await buildFrom(database.pool, [], {
    cron_triggers: [
      { ...cron, name: "good", schedule: "*/5 * * * *" },
      { ...cron, name: "bad", schedule: "* * * * * *" },
    ],
  });

  expect(model.cronTriggers).toMatchObject([
    {
      name: "good",
      payload: null,
      retry: { numRetries: 0, intervalSeconds: 10, timeoutSeconds: 60, toleranceSeconds: 21_600 },
    },
  ]);
  expect(reasons(model)).toEqual(['cron_trigger parse-failed: "* * * * * *" is not a cron schedule of five fields']);
});
