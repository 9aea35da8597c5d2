import { createServer } from "node:http";
import type { AuthType } from "@control-plane/runs";
import {
  type Actions,
  test as base,
  type HttpDouble,
  type TestApp,
  type TestTenant,
  type World,
} from "@control-plane/testkit";
import { createConnection } from "../src/actions/create-connection.ts";
import { ACTION_SECRET, openService, post, type Service } from "./service.ts";

/** The service, let out to the test's own HTTP double and to a port of this machine on which nobody listens. */
export const test = base.extend("service", { auto: true }, async ({ db, keys, actions, http }, { onCleanup }) => {
  const closedPort = await findClosedPort();
  const { close, ...service } = await openService(db, keys, {
    EGRESS_ALLOW: `${new URL(http.url).host},127.0.0.1:${closedPort}`,
  });
  onCleanup(close);
  actions.bind(service.server, ACTION_SECRET);
  return { ...service, closedUrl: `http://127.0.0.1:${closedPort}` };
});

async function findClosedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** What each auth type is given here. */
export const SIGN_INS = {
  NONE: { authConfig: {}, secrets: {} },
  API_KEY: { authConfig: { in: "HEADER", name: "X-Api-Key", prefix: "Key" }, secrets: { apiKey: "k-8f2a71c0" } },
  BASIC: { authConfig: {}, secrets: { username: "ann", password: "pä55-9d31" } },
  BEARER: { authConfig: {}, secrets: { token: "tok-51ae" } },
  OAUTH2_CLIENT_CREDENTIALS: {
    authConfig: { tokenUrl: "", scopes: ["read", "write"] },
    secrets: { clientId: "client-7", clientSecret: "s3cr3t-c0de" },
  },
} as const satisfies Record<AuthType, { authConfig: object; secrets: Readonly<Record<string, string>> }>;

/** A published app of the tenant whose API is at the URL; its token is fetched from `/token` there. */
export function appAt(tenant: TestTenant, url: string, authType: AuthType, version: Record<string, unknown> = {}) {
  const { authConfig } = SIGN_INS[authType];
  return tenant.app({
    version: {
      authType,
      authConfig: authType === "OAUTH2_CLIENT_CREDENTIALS" ? { ...authConfig, tokenUrl: `${url}/token` } : authConfig,
      baseUrl: url,
      allowedHosts: [new URL(url).hostname],
      testRequest: { method: "GET", path: "/me", expectedStatus: [200] },
      ...version,
    },
  });
}

/** A tenant with a builder and his connection to the HTTP double. */
export async function connect(
  { world, actions, http }: { world: World; actions: Actions; http: HttpDouble },
  authType: AuthType,
  version: Record<string, unknown> = {},
  secrets: Readonly<Record<string, string>> = SIGN_INS[authType].secrets,
) {
  const tenant = await world.tenant();
  const user = await tenant.user("builder");
  const app = await appAt(tenant, http.url, authType, version);
  const input = { name: "main", appVersionId: app.version.id, secrets };
  const { connectionId } = await actions.succeed(createConnection, user, input);
  return { tenant, user, app, connectionId };
}

type ReadOptions = { runId?: string; headers?: Record<string, string>; body?: unknown };

/** A run of one step that uses the connection, held by a runner who reads the credential. */
export async function runningWith(
  service: Service,
  tenant: TestTenant,
  app: TestApp,
  connectionId: string,
  input: Record<string, unknown> = {},
) {
  const actionId = app.actions[0]?.id ?? "";
  const workflow = await tenant.workflow({ steps: [{ key: "call", actionId, connectionId, input }] });
  const run = await workflow.run({ status: "RUNNING" });
  const read = ({ runId = run.id, headers, body }: ReadOptions = {}) =>
    post(
      service,
      `/runner/v1/runs/${runId}/credentials`,
      body ?? { attempt: 1, connectionId },
      headers ?? { authorization: `Bearer ${run.leaseToken}` },
    );
  return { workflow, run, read };
}
