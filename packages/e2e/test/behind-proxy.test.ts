import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectData, inviteViewer, type ReverseProxy, signedWebhook, startProxy } from "@control-plane/local-stack";
import { type Client, createClient } from "graphql-ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import {
  type Account,
  type ControlPlane,
  createTrigger,
  publishWorkflow,
  RUNS_ELSEWHERE,
  registerTenant,
  startControlPlane,
} from "./control-plane.ts";
import { refusalOf, send } from "./proxy/through-proxy.ts";

// The services themselves behind the deployed Caddyfile, as clients outside meet them.

const PROGRESS = `subscription {
  workflow_runs(order_by: {created_at: desc}, limit: 1) {
    status
    steps: step_runs(order_by: {position: asc}) { step_key status }
  }
}`;
const progressSchema = z.object({
  data: z.object({
    workflow_runs: z.array(
      z.object({ status: z.string(), steps: z.array(z.object({ step_key: z.string(), status: z.string() })) }),
    ),
  }),
});
type Progress = z.infer<typeof progressSchema>["data"]["workflow_runs"];

/** Order in which a run that nobody stops may be seen; a poll may miss some of them. */
const WAY_OF_A_RUN = ["PENDING", "QUEUED", "RUNNING", "SUCCEEDED"];

let plane: ControlPlane;
let proxy: ReverseProxy;
let stateDir: string;
let acme: Account;

beforeAll(async () => {
  plane = await startControlPlane({
    "webhook-gateway": { TRUSTED_PROXIES: "127.0.0.1/32", HOOK_RATE_PER_ADDRESS: "20", HOOK_RATE_PER_PATH: "0" },
  });
  stateDir = await mkdtemp(join(tmpdir(), "cp-behind-proxy-"));
  const addressOf = (url: string): string[] => [new URL(url).host];
  proxy = await startProxy({
    stateDir,
    upstreams: {
      webhookGateway: addressOf(plane.gatewayUrl),
      authActions: addressOf(plane.authUrl),
      hasura: addressOf(plane.hasuraUrl),
    },
    log: () => {},
  });
  acme = await registerTenant(plane, "acme");
});
afterAll(async () => {
  await proxy?.stop();
  await plane?.close();
  await rm(stateDir, { recursive: true, force: true });
});

/** What a client outside gets for a query. */
async function query(text: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const body = JSON.stringify({ query: text });
  const reply = await send(proxy, "/v1/graphql", { body, headers: { "content-type": "application/json", ...headers } });
  return JSON.parse(reply.body.toString());
}

// What runs elsewhere believes another proxy, and has another limit.
describe.skipIf(RUNS_ELSEWHERE)("a webhook", () => {
  let trigger: { triggerId: string; path: string; secret: string };

  beforeAll(async () => {
    const { workflowId } = await publishWorkflow(plane, acme.token, [{ key: "hello", action: "echo" }]);
    const { triggerId, url, secret } = await createTrigger(plane, acme.token, workflowId);
    trigger = { triggerId, path: new URL(url).pathname, secret };
  });

  test("makes one run of the very bytes that were signed, and is known by its sender's address", async () => {
    const pieces = ['{ "name" :\t"Grace', ' \\u00e9 é",\r\n "n": 1.50e1 }\n'];
    const signed = signedWebhook(trigger.secret, pieces.join(""));
    const headers = { ...signed, "x-forwarded-for": "198.51.100.7" };

    const first = await send(proxy, trigger.path, { body: pieces, headers, from: "127.0.0.5" });
    const again = await send(proxy, trigger.path, { body: pieces.join(""), headers, from: "127.0.0.5" });

    const altered = await send(proxy, trigger.path, { body: `${pieces.join("")} `, headers, from: "127.0.0.5" });
    expect([first.status, again.status, refusalOf(altered)]).toEqual([202, 200, "401 SIGNATURE_INVALID"]);
    const { rows } = await plane.sql.query(
      `select r.input ->> 'name' as name, host(d.source_ip) as sender
         from workflow_runs r join webhook_deliveries d on d.id = r.webhook_delivery_id where r.tenant_id = $1`,
      [acme.tenantId],
    );
    expect(rows).toEqual([{ name: "Grace é é", sender: "127.0.0.5" }]);
  });

  test("counts against the address its sender really has, whatever the sender says", async () => {
    const knock = (from: string): Promise<number> =>
      send(proxy, trigger.path, {
        body: "{}",
        from,
        headers: { "x-forwarded-for": `203.0.113.${Math.ceil(Math.random() * 250)}`, "x-real-ip": randomUUID() },
      }).then(({ status }) => status);

    // More than one address may send in a window, all at once, so that a slow machine still reaches the limit.
    const loud = await Promise.all(Array.from({ length: 100 }, () => knock("127.0.0.6")));
    const other = await knock("127.0.0.7");

    expect([new Set(loud), other]).toEqual([new Set([401, 429]), 401]);
  });
});

test("a query is answered by its token; a leaked admin secret opens nothing", async () => {
  const tenants = "{ tenants { id } }";
  const admin = { "x-hasura-admin-secret": plane.adminSecret };

  const asMember = await query(tenants, { authorization: `Bearer ${acme.token}`, ...admin });
  const asAdmin = await query(tenants, admin);

  expect(asMember).toEqual({ data: { tenants: [{ id: acme.tenantId }] } });
  expect(asAdmin).toMatchObject({ errors: [{ extensions: { code: "validation-failed" } }] });
  // The secret itself is a right one.
  const inside = await fetch(`${plane.hasuraUrl}/v1/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...admin },
    body: JSON.stringify({ query: tenants }),
  });
  expect(await inside.json()).toMatchObject({ data: { tenants: expect.arrayContaining([{ id: acme.tenantId }]) } });
});

test("what the services answer inside is not there outside", async () => {
  const paths = ["/live", "/ready", "/metrics", "/healthz", "/v1/metadata", "/v1/version", "/actions/login"];

  const outside = await Promise.all(paths.map((path) => send(proxy, path, { method: "GET" })));
  const jwks = await send(proxy, "/.well-known/jwks.json", { method: "GET" });

  expect(new Set(outside.map(refusalOf))).toEqual(new Set(["404 NOT_FOUND"]));
  expect(JSON.parse(jwks.body.toString())).toEqual({ keys: expect.any(Array) });
  const inside = await Promise.all(
    [`${plane.authUrl}/ready`, `${plane.gatewayUrl}/metrics`, `${plane.hasuraUrl}/v1/version`].map((url) => fetch(url)),
  );
  expect(inside.map(({ status }) => status)).toEqual([200, 200, 200]);
});

describe("a run watched live", () => {
  let initech: Account;
  let globex: Account;
  let viewer: string;
  const clients: Client[] = [];

  beforeAll(async () => {
    initech = await registerTenant(plane, "initech");
    globex = await registerTenant(plane, "globex");
    viewer = (await inviteViewer(plane.graphql, plane.readMail, initech.token)).token;
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.dispose()));
  });

  /** Trusts the proxy's own issuer. */
  class SecureSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { ca: proxy.ca });
    }
  }

  /** With the protocol's reference client, as a front end has it. */
  function watch(token: string): { seen: Progress[]; failures: unknown[] } {
    const client = createClient({
      url: `${proxy.url.replace(/^http/, "ws")}/v1/graphql`,
      webSocketImpl: SecureSocket,
      connectionParams: { headers: { authorization: `Bearer ${token}` } },
      retryAttempts: 0,
    });
    clients.push(client);
    const seen: Progress[] = [];
    const failures: unknown[] = [];
    client.subscribe(
      { query: PROGRESS },
      {
        next: (answer) => seen.push(progressSchema.parse(answer).data.workflow_runs),
        error: (error) => failures.push(error),
        complete: () => {},
      },
    );
    return { seen, failures };
  }

  test("the viewer sees it move to its end, the other tenant sees nothing of it", async () => {
    const { workflowId } = await publishWorkflow(plane, initech.token, [
      { key: "first", action: "sleep", input: { seconds: 3 } },
      { key: "second", action: "echo", dependsOn: ["first"] },
    ]);
    const mine = watch(viewer);
    const theirs = watch(globex.token);
    await expect.poll(() => [mine.seen.length, theirs.seen.length]).toEqual([1, 1]);

    expectData(
      z.object({ runWorkflow: z.object({ runId: z.uuid() }) }),
      await plane.graphql(
        "mutation($w: uuid!) { runWorkflow(workflowId: $w) { runId } }",
        { w: workflowId },
        initech.token,
      ),
    );

    await expect
      .poll(() => mine.seen.at(-1))
      .toEqual([
        {
          status: "SUCCEEDED",
          steps: [
            { step_key: "first", status: "SUCCEEDED" },
            { step_key: "second", status: "SUCCEEDED" },
          ],
        },
      ]);
    const statuses = mine.seen.flatMap(([run]) => (run === undefined ? [] : [run.status]));
    const places = statuses.map((status) => WAY_OF_A_RUN.indexOf(status));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(mine.seen).toContainEqual([
      {
        status: "RUNNING",
        steps: [expect.objectContaining({ step_key: "first", status: "RUNNING" }), expect.anything()],
      },
    ]);
    expect(theirs.seen).toEqual([[]]);
    expect([...mine.failures, ...theirs.failures]).toEqual([]);
  });

  test("a token that does not verify opens no subscription", async () => {
    const { seen, failures } = watch(`${viewer.slice(0, -8)}AAAAAAAA`);

    await expect.poll(() => failures.length).toBe(1);

    expect(seen).toEqual([]);
  });
});
