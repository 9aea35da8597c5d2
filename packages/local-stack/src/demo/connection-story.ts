import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import {
  CREATE_ACTION,
  CREATE_APP,
  CREATE_APP_VERSION,
  CREATE_CONNECTION,
  PUBLISH_APP,
  READ_RUN,
  RUN_ORDER,
  TEST_CONNECTION,
  UPDATE_SECRETS,
} from "./connection-documents.ts";
import { CREATE_WORKFLOW, PUBLISH, SAVE_DRAFT } from "./documents.ts";
import { expectData, type GraphqlClient } from "./graphql-client.ts";
import type { LocalApi } from "./local-api.ts";
import type { Step, Telling } from "./story.ts";

const RUN_MS_MAX = 30_000;

const withId = z.object({ id: z.uuid() });
const testSchema = z.object({
  testConnection: z.object({ ok: z.boolean(), stage: z.string(), code: z.string(), hint: z.string().nullable() }),
});
const runSchema = z.object({
  workflow_runs_by_pk: z.looseObject({ status: z.string(), output: z.unknown(), error: z.unknown() }),
});

/** How a workflow calls an API with a secret that nobody can read. `token` is the owner's, once he is registered. */
export function connectionSteps(
  graphql: GraphqlClient,
  api: LocalApi,
  tag: string,
  token: () => string,
): readonly Step[] {
  const ask = async <T>(schema: z.ZodType<T>, document: string, variables: Record<string, unknown>): Promise<T> =>
    expectData(schema, await graphql(document, variables, token()));
  const known = { versionId: "", actionId: "", connectionId: "" };
  return [
    { name: "publish an app", play: async () => Object.assign(known, await publishApp(ask, api, tag)).telling },
    { name: "connect it", play: async () => Object.assign(known, await connect(ask, api, known.versionId)).telling },
    { name: "a step calls the API", play: () => runStep(ask, api, tag, known) },
  ];
}

type Ask = <T>(schema: z.ZodType<T>, document: string, variables: Record<string, unknown>) => Promise<T>;

async function publishApp(
  ask: Ask,
  api: LocalApi,
  tag: string,
): Promise<{ versionId: string; actionId: string; telling: Telling }> {
  const app = (await ask(z.object({ insert_apps_one: withId }), CREATE_APP, { slug: `orders-${tag}` })).insert_apps_one;
  const version = await ask(z.object({ insert_app_versions_one: withId }), CREATE_APP_VERSION, {
    app: app.id,
    url: api.url,
    hosts: [new URL(api.url).hostname],
    auth: { in: "HEADER", name: "x-api-key" },
    test: { method: "GET", path: "/me", expectedStatus: [200] },
  });
  const versionId = version.insert_app_versions_one.id;
  const action = await ask(z.object({ insert_actions_one: withId }), CREATE_ACTION, {
    version: versionId,
    input: { type: "object", required: ["id"], properties: { id: { type: "string" } } },
    request: { method: "GET", path: "/orders/{id}", query: {}, headers: {} },
  });
  const schema = z.object({ publishAppVersion: z.object({ version: z.string(), isLatest: z.literal(true) }) });
  const published = (await ask(schema, PUBLISH_APP, { app: app.id })).publishAppVersion;
  return {
    versionId,
    actionId: action.insert_actions_one.id,
    telling: {
      who: "owner Ada",
      call: "Hasura: an app, its version and action; publishAppVersion",
      answer: `version ${published.version} is the latest, with one declarative action`,
      proves: "an API becomes an app without code; a published version and its actions never change",
    },
  };
}

async function connect(ask: Ask, api: LocalApi, version: string): Promise<{ connectionId: string; telling: Telling }> {
  const created = await ask(z.object({ createConnection: z.object({ connectionId: z.uuid() }) }), CREATE_CONNECTION, {
    version,
    name: "orders",
    secrets: { apiKey: "a-wrong-key" },
  });
  const { connectionId: id } = created.createConnection;
  const wrong = (await ask(testSchema, TEST_CONNECTION, { id })).testConnection;
  if (wrong.code !== "AUTH_REJECTED") throw new Error(`a wrong key was diagnosed as ${wrong.code}`);
  await ask(z.unknown(), UPDATE_SECRETS, { id, secrets: { apiKey: api.secret } });
  const right = (await ask(testSchema, TEST_CONNECTION, { id })).testConnection;
  if (!right.ok) throw new Error(`the connection does not work: ${right.stage} ${right.code}`);
  return {
    connectionId: id,
    telling: {
      who: "owner Ada",
      call: "Hasura: createConnection, testConnection, updateConnectionSecrets, testConnection",
      answer: `${wrong.stage} ${wrong.code} (“${wrong.hint}”); with the right key ${right.code}`,
      proves: "a wrong secret is told from a wrong address; no answer ever holds the secret",
    },
  };
}

async function runStep(
  ask: Ask,
  api: LocalApi,
  tag: string,
  known: { actionId: string; connectionId: string },
): Promise<Telling> {
  const created = await ask(z.object({ insert_workflows_one: withId }), CREATE_WORKFLOW, { name: `Order ${tag}` });
  const workflowId = created.insert_workflows_one.id;
  const { actionId, connectionId } = known;
  const definition = {
    schemaVersion: 1,
    steps: [{ key: "fetch", actionId, connectionId, input: { id: { $ref: "/input/order" } } }],
    output: { total: { $ref: "/steps/fetch/output/body/total" } },
  };
  await ask(z.unknown(), SAVE_DRAFT, { workflowId, definition });
  await ask(z.unknown(), PUBLISH, { workflowId });
  const started = await ask(z.object({ runWorkflow: z.object({ runId: z.uuid() }) }), RUN_ORDER, {
    workflow: workflowId,
  });
  const run = await waitForEnd(ask, started.runWorkflow.runId);
  const { total } = z.object({ total: z.number() }).parse(run.output);
  if (JSON.stringify(run).includes(api.secret)) throw new Error("the secret is in the run");
  return {
    who: "the runner",
    call: `fetches the credential with its lease, GET ${new URL(api.url).host}/orders/o-7`,
    answer: `SUCCEEDED, total ${total}; the key is neither in the run nor in its steps`,
    proves: "steps call real APIs; the credential goes to the app's allowed hosts only",
  };
}

async function waitForEnd(ask: Ask, id: string) {
  const deadline = Date.now() + RUN_MS_MAX;
  for (;;) {
    const run = (await ask(runSchema, READ_RUN, { id })).workflow_runs_by_pk;
    if (run.status === "SUCCEEDED") return run;
    if (["FAILED", "CANCELLED", "TIMED_OUT"].includes(run.status))
      throw new Error(`the run ended ${run.status}: ${JSON.stringify(run.error)}`);
    if (Date.now() > deadline) throw new Error(`the run is still ${run.status} after 30 s`);
    await delay(100);
  }
}
