import { randomBytes, randomUUID } from "node:crypto";
import { Agent, request } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { signedWebhook } from "../demo/webhook-sender.ts";
import type { ReverseProxy } from "../proxy.ts";

type Answer = { status: number; text: string };

/** Of each client between two requests: the machine's two cores carry twelve processes, and slowness is not the question. */
const PAUSE_MS = 200;

type Load = {
  answered: () => number;
  accepted: () => number;
  problems: readonly string[];
  /** Resolves when what is under way has been answered. */
  stop(): Promise<void>;
};

type Ask = (path: string, body?: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;

/** A client of the proxy that keeps its connections, as senders and front ends do. */
export function openClient(proxy: ReverseProxy): { ask: Ask; close(): void } {
  const agent = new Agent({ keepAlive: true, ca: proxy.ca, maxSockets: 32 });
  const { host, port } = new URL(proxy.url);
  const ask: Ask = (path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const sent = request({
        agent,
        host: "127.0.0.1",
        servername: "localhost",
        port,
        path,
        method: body === undefined ? "GET" : "POST",
        headers: { host, ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }), ...headers },
      });
      sent.on("error", reject);
      sent.on("response", (reply) => {
        const chunks: Buffer[] = [];
        reply.on("data", (chunk: Buffer) => chunks.push(chunk));
        reply.on("error", reject);
        reply.on("end", () => resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      });
      sent.end(body);
    });
  return { ask, close: () => agent.destroy() };
}

const answerSchema = z.looseObject({
  data: z.record(z.string(), z.unknown()).optional(),
  errors: z.array(z.unknown()).optional(),
});

/** The data of a GraphQL answer without an error of any kind. */
export async function graphql(
  ask: Ask,
  query: string,
  variables: object,
  token?: string,
): Promise<Record<string, unknown>> {
  const answer = await ask("/v1/graphql", JSON.stringify({ query, variables }), {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  });
  const { data, errors } = answer.status === 200 ? answerSchema.parse(JSON.parse(answer.text)) : {};
  // A page of log lines says in its data that MongoDB could not be asked.
  if (data === undefined || errors !== undefined || answer.text.includes("LOGS_UNAVAILABLE"))
    throw new Error(`${answer.status} ${answer.text.slice(0, 300)}`);
  return data;
}

type Scene = { token: string; workflowId: string; webhookPath: string; secret: string };

/** A tenant with a published workflow and a webhook, made through the proxy. */
export async function prepareScene(ask: Ask): Promise<Scene> {
  const tag = randomBytes(4).toString("hex");
  const one = async <T>(schema: z.ZodType<T>, query: string, variables: object, token?: string): Promise<T> =>
    schema.parse(Object.values(await graphql(ask, query, variables, token))[0]);
  const { accessToken: token } = await one(
    z.object({ accessToken: z.string() }),
    'mutation($e: String!, $p: String!, $n: String!) { registerUserAndTenant(email: $e, password: $p, name: "Ada", tenantName: $n) { accessToken } }',
    { e: `ada.${tag}@example.com`, p: `a long password of ${tag}`, n: `Acme ${tag}` },
  );
  const [echo] = await one(
    z.array(z.object({ id: z.string() })),
    '{ actions(where: {key: {_eq: "echo"}, app_version: {app: {slug: {_eq: "core"}}}}) { id } }',
    {},
    token,
  );
  const { id: workflowId } = await one(
    z.object({ id: z.string() }),
    'mutation { insert_workflows_one(object: {name: "rolling"}) { id } }',
    {},
    token,
  );
  const definition = { schemaVersion: 1, steps: [{ key: "hello", actionId: echo?.id, input: {}, dependsOn: [] }] };
  await graphql(
    ask,
    "mutation($w: uuid!, $d: jsonb!) { insert_workflow_versions_one(object: {workflow_id: $w, definition: $d}) { id } }",
    { w: workflowId, d: definition },
    token,
  );
  await graphql(
    ask,
    "mutation($w: uuid!) { publishWorkflowVersion(workflowId: $w) { isLatest } }",
    { w: workflowId },
    token,
  );
  const { webhookUrl, secret } = await one(
    z.object({ webhookUrl: z.string(), secret: z.string() }),
    'mutation($w: uuid!) { createWebhookTrigger(workflowId: $w, name: "hook", scheme: "STANDARD_WEBHOOKS") { webhookUrl secret } }',
    { w: workflowId },
    token,
  );
  return { token, workflowId, webhookPath: new URL(webhookUrl).pathname, secret };
}

const WATCH = `{ workflow_runs(order_by: {created_at: desc}, limit: 5) {
  id status steps: step_runs { status } logs(first: 5) { lines { message } error } } }`;

/** Two clients for each kind of request, until they are stopped. */
export function startLoad(ask: Ask, { token, workflowId, webhookPath, secret }: Scene): Load {
  const kinds: Readonly<Record<string, () => Promise<unknown>>> = {
    "a webhook": async () => {
      const body = JSON.stringify({ id: randomUUID() });
      const { status, text } = await ask(webhookPath, body, signedWebhook(secret, body));
      if (status !== 202) throw new Error(`${status} ${text.slice(0, 300)}`);
      accepted += 1;
    },
    "the keys": async () => {
      const { status } = await ask("/.well-known/jwks.json");
      if (status !== 200) throw new Error(String(status));
    },
    "runs with log lines": () => graphql(ask, WATCH, {}, token),
    "an action of auth-actions": () => graphql(ask, "{ mySessions { sessionId } }", {}, token),
    "an action of the orchestrator": () =>
      graphql(ask, "mutation($w: uuid!) { runWorkflow(workflowId: $w) { runId } }", { w: workflowId }, token),
  };
  let over = false;
  let answered = 0;
  let accepted = 0;
  const problems: string[] = [];
  const repeat = async (kind: string, send: () => Promise<unknown>): Promise<void> => {
    while (!over) {
      try {
        await send();
        answered += 1;
      } catch (error) {
        problems.push(`${new Date().toISOString()} ${kind}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await pause(PAUSE_MS);
    }
  };
  const clients = Promise.all(
    Object.entries(kinds).flatMap(([kind, send]) => [repeat(kind, send), repeat(kind, send)]),
  );
  return {
    answered: () => answered,
    accepted: () => accepted,
    problems,
    async stop() {
      over = true;
      await clients;
    },
  };
}
