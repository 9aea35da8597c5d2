import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createEngine, HasuraError, loadMetadata, settingsFromEnv } from "@control-plane/hasura-engine";
import { openStoreWire, sessionVariables, type TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { writeLines } from "./lines.ts";
import { SECRET } from "./page.ts";
import { test as base, stepOf } from "./service.ts";

const METADATA = join(import.meta.dirname, "../../../hasura/metadata");
const NOWHERE = "http://127.0.0.1:9";

/** The project's own metadata served by the embedded engine, with this service as its remote schema. */
const test = base.extend("hasura", async ({ db, logs, start }, { onCleanup }) => {
  const mongodb = await openStoreWire(logs.url);
  const service = await start({ mongoUrl: mongodb.url });
  const settings = settingsFromEnv({
    HASURA_GRAPHQL_ADMIN_SECRET: "only-for-this-test-0123456789abcdef",
    HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: "true",
    PG_DATABASE_URL: db.urlAs("cp_hasura"),
    LOGS_SCHEMA_URL: await service.server.listen({ host: "127.0.0.1", port: 0 }),
    LOGS_SCHEMA_SECRET: SECRET,
    AUTH_ACTIONS_URL: NOWHERE,
    WEBHOOK_GATEWAY_URL: NOWHERE,
    ORCHESTRATOR_URL: NOWHERE,
    HASURA_ACTION_SECRET: "not-used-by-this-test",
    HASURA_EVENT_SECRET: "not-used-by-this-test",
  });
  const loaded = await loadMetadata(METADATA, settings.env);
  if ("problems" in loaded) throw new Error(JSON.stringify(loaded.problems));
  const { metadata } = loaded;
  const engine = await createEngine({ metadata, databaseUrl: db.urlAs("cp_hasura"), settings, events: false });
  onCleanup(async () => {
    await engine.close();
    await service.close();
    await mongodb.close();
  });
  return {
    mongodb,
    async ask(user: TestUser, query: string, variables: Record<string, unknown> = {}): Promise<unknown> {
      const [request] = engine.parseRequestBody(JSON.stringify({ query, variables })).requests;
      if (request === undefined) throw new Error("no request was read");
      const session = new Map(Object.entries(sessionVariables(user)));
      const { dataText } = await engine.execute(request, {
        session: {
          role: session.get("x-hasura-role") ?? "",
          variables: session,
          backendOnly: false,
          admin: false,
          expiresAt: undefined,
        },
        clientHeaders: new Map(),
        requestId: "through-hasura",
      });
      return JSON.parse(dataText);
    },
  };
});

const RUNS_WITH_LOGS = `{
  workflow_runs(order_by: {id: asc}) {
    id
    logs { lines { message } error }
    step_runs { logs(last: 1) { lines { message } error } }
  }
}`;

test("a list of runs is answered with the logs of each run and each step", async ({ hasura, acme, logs }) => {
  await acme.write({ message: "one" }, { message: "two" }, { message: "of no step", stepRunId: null });
  const other = await (await acme.tenant.workflow()).run({ status: "RUNNING" });
  await writeLines(logs, { tenantId: acme.id, run: other, stepRunId: await stepOf(other) }, [{ message: "other" }]);

  const data = await hasura.ask(acme.viewer, RUNS_WITH_LOGS);

  const page = (...messages: string[]) => ({ lines: messages.map((message) => ({ message })), error: null });
  expect(data).toEqual({
    workflow_runs: [
      { id: acme.run.id, logs: page("one", "two", "of no step"), step_runs: [{ logs: page("two") }] },
      { id: other.id, logs: page("other"), step_runs: [{ logs: page("other") }] },
    ],
  });
});

test("with MongoDB stopped the runs are answered and the outage is stated", async ({ hasura, acme }) => {
  await acme.write({ message: "one" });
  hasura.mongodb.cut();

  const data = await hasura.ask(acme.viewer, RUNS_WITH_LOGS);

  const away = { lines: [], error: "LOGS_UNAVAILABLE" };
  expect(data).toEqual({ workflow_runs: [{ id: acme.run.id, logs: away, step_runs: [{ logs: away }] }] });
});

test("a client neither names a tenant nor reads another one's run", async ({ hasura, acme, world }) => {
  await acme.write({ message: "one" });
  const stranger = await (await world.tenant()).user("owner");
  const query = "query ($id: ID!) { getRunLogs(workflowRunId: $id) { lines { message } error } }";

  const own = await hasura.ask(acme.viewer, query, { id: acme.run.id });
  const foreign = await hasura.ask(stranger, query, { id: acme.run.id });
  const named = await hasura
    .ask(stranger, `{ getRunLogs(tenantId: "${acme.id}", workflowRunId: "${acme.run.id}") { error } }`)
    .catch((error: unknown) => error);

  expect(own).toEqual({ getRunLogs: { lines: [{ message: "one" }], error: null } });
  expect(foreign).toEqual({ getRunLogs: { lines: [], error: null } });
  expect(named).toBeInstanceOf(HasuraError);
});

test("Hasura waits for this service longer than the longest poll, and sends it no header of a client's", () => {
  const remotes = z
    .array(
      z.object({
        name: z.string(),
        definition: z.object({ timeout_seconds: z.number(), forward_client_headers: z.boolean() }),
      }),
    )
    .parse(parse(readFileSync(join(METADATA, "remote_schemas.yaml"), "utf8")));

  const logs = remotes.find(({ name }) => name === "logs");

  expect(logs?.definition.timeout_seconds).toBeGreaterThan(22);
  expect(logs?.definition.forward_client_headers).toBe(false);
});
