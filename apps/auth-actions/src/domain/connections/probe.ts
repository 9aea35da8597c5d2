import { type Envelope, EnvelopeError } from "@control-plane/crypto";
import { type Credential, checkUrl, type Egress, type EgressAllow } from "@control-plane/egress";
import {
  deepEqual,
  isJsonObject,
  type JsonValue,
  jsonValueSchema,
  type TestRequest,
  testRequestSchema,
} from "@control-plane/runs";
import { parsePointer } from "@control-plane/service-kit/json-pointer";
import { readJson } from "@control-plane/service-kit/read-json";
import type { Connection } from "../../store/connections.ts";
import { bearerCredential, directCredential, secretParts } from "./credential.ts";
import type { TestCode, TestStage } from "./diagnoses.ts";
import { fetchToken, type OAuthConnection, type TokenAnswer } from "./fetch-token.ts";
import { openSecrets, type Secrets } from "./secrets.ts";
import { snippetOf } from "./snippet.ts";

export type Finding = {
  stage: TestStage;
  code: TestCode;
  httpStatus: number | null;
  latencyMs: number | null;
  snippet: string | null;
  /** Bought on the way; worth keeping. */
  token: Extract<TokenAnswer, { outcome: "token" }> | undefined;
};

type ProbeDeps = { envelope: Envelope; egress: Egress; egressAllow: EgressAllow };

/** Uses a connection once, from its secret to the answer of the app. A failing outside world is a finding. */
export async function probe(deps: ProbeDeps, connection: Connection): Promise<Finding> {
  const secrets = await openSecrets(deps.envelope, connection).catch((error: unknown) => {
    if (error instanceof EnvelopeError) return undefined;
    throw error;
  });
  if (secrets === undefined) return finding("DECRYPT", "DECRYPT_FAILED");
  if (connection.testRequest === null) return finding("DONE", "NO_TEST");
  const request = testRequestSchema.parse(connection.testRequest);
  const url = testUrl(connection, request);
  const { allowedHosts, auth } = connection;
  const refused = checkUrl({ allow: deps.egressAllow }, url, { allowedHosts, needsTls: auth.authType !== "NONE" });
  if (refused !== undefined) return finding(refused.stage, refused.code);
  if (auth.authType !== "OAUTH2_CLIENT_CREDENTIALS")
    return callApp(deps.egress, connection, { request, url, credential: directCredential(auth, secrets), secrets });
  return probeWithToken(deps.egress, { ...connection, auth }, { request, url, secrets });
}

async function probeWithToken(
  egress: Egress,
  connection: OAuthConnection,
  plan: { request: TestRequest; url: string; secrets: Secrets },
): Promise<Finding> {
  const bought = await fetchToken(egress, connection, plan.secrets);
  if (bought.outcome === "token") {
    const credential = bearerCredential(bought.token);
    return { ...(await callApp(egress, connection, { ...plan, credential })), token: bought };
  }
  const { answer } = bought;
  return finding("TOKEN", bought.code, {
    httpStatus: answer?.status ?? null,
    snippet: answer === undefined ? null : snippetOf(answer, Object.values(plan.secrets)),
  });
}

async function callApp(
  egress: Egress,
  { allowedHosts }: Connection,
  plan: { request: TestRequest; url: string; credential: Credential; secrets: Secrets },
): Promise<Finding> {
  const { request, url, credential, secrets } = plan;
  const startedAt = performance.now();
  const result = await egress.send({
    method: request.method,
    url,
    headers: { accept: "application/json, text/plain;q=0.9, */*;q=0.1" },
    allowedHosts,
    ...(isEmpty(credential) ? {} : { credential }),
  });
  const latencyMs = Math.round(performance.now() - startedAt);
  if (result.outcome === "failed") return finding(result.stage, result.code, { latencyMs });
  const contentType = result.headers["content-type"] ?? "";
  const hidden = [...Object.values(secrets), ...secretParts(credential)];
  const seen = {
    httpStatus: result.status,
    latencyMs,
    snippet: snippetOf({ contentType, body: result.body }, hidden),
  };
  if (!request.expectedStatus.includes(result.status)) {
    const isRejected = result.status === 401 || result.status === 403;
    return finding("HTTP", isRejected ? "AUTH_REJECTED" : "STATUS_UNEXPECTED", seen);
  }
  return holds(request.assert, result.body) ? finding("DONE", "OK", seen) : finding("ASSERT", "ASSERT_FAILED", seen);
}

function finding(stage: TestStage, code: TestCode, seen: Partial<Finding> = {}): Finding {
  return { httpStatus: null, latencyMs: null, snippet: null, token: undefined, ...seen, stage, code };
}

/** Where nothing secret is sent, a request may go to any host that the version allows. */
function isEmpty({ headers, query }: Credential): boolean {
  return Object.keys(headers).length === 0 && Object.keys(query).length === 0;
}

function testUrl({ config, baseUrl }: Connection, { path }: TestRequest): string {
  return `${(config.baseUrl ?? baseUrl ?? "").replace(/\/+$/, "")}${path}`;
}

function holds(assert: TestRequest["assert"], body: Buffer): boolean {
  if (assert === undefined) return true;
  const found = (parsePointer(assert.pointer) ?? []).reduce<JsonValue | undefined>(memberOf, jsonOf(body));
  return found !== undefined && deepEqual(found, assert.equals);
}

function jsonOf(body: Buffer): JsonValue | undefined {
  try {
    return jsonValueSchema.safeParse(readJson(body)).data;
  } catch {
    return undefined;
  }
}

function memberOf(value: JsonValue | undefined, segment: string): JsonValue | undefined {
  if (!isJsonObject(value) && !Array.isArray(value)) return undefined;
  return Object.entries(value).find(([name]) => name === segment)?.[1];
}
