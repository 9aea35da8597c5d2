import { test as base, type TestDatabase } from "@control-plane/testkit";
import type { FastifyInstance } from "fastify";
import { expect } from "vitest";
import { z } from "zod";
import { loadConfig } from "../src/config.ts";
import { createDeps } from "../src/deps.ts";
import { buildServer } from "../src/server.ts";

export const ACTION_SECRET = "the-secret-of-hasura-actions";
export const EVENT_SECRET = "the-secret-of-hasura-events";
export const RUNNER_TOKEN = "the-token-of-the-runners";
export const OTHER_RUNNER_TOKEN = "the-next-token-of-runners";
export const AUTH_ACTIONS_URL = "http://auth-actions.test";

/** What `process.env` holds for the service; without loops nobody but the test moves a run. */
export function environment(stores: { databaseUrl: string; redisUrl: string; queuePrefix: string }) {
  return {
    PORT: "0",
    LOG_LEVEL: "silent",
    DATABASE_WAIT_MS_MAX: "20000",
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    QUEUE_PREFIX: stores.queuePrefix,
    HASURA_ACTION_SECRET: ACTION_SECRET,
    HASURA_EVENT_SECRET: EVENT_SECRET,
    RUNNER_TOKENS: `${RUNNER_TOKEN}, ${OTHER_RUNNER_TOKEN}`,
    AUTH_ACTIONS_URL: `${AUTH_ACTIONS_URL}/`,
  };
}

/** The service as `main.ts` builds it, loops and consumer left out: each test makes the pass it is about. */
export async function startService(env: Record<string, string>) {
  const config = loadConfig(env);
  const { deps, close } = await createDeps(config);
  let wakes = 0;
  deps.dispatchSignal.subscribe(() => {
    wakes += 1;
  });
  const server = await buildServer(deps, {
    actionSecrets: config.HASURA_ACTION_SECRET,
    eventSecrets: config.HASURA_EVENT_SECRET,
    trustedProxies: config.TRUSTED_PROXIES,
  });
  // A command sent before the connection stands is refused, which would be the fate of the test's first pass.
  const reached = () => deps.requests.ping().then(() => "reachable", String);
  await expect.poll(reached, { interval: 5 }).toBe("reachable");
  return {
    server,
    deps,
    config,
    /** How often the dispatcher was woken. */
    wakes: () => wakes,
    async close() {
      await server.close();
      await close();
    },
  };
}

export const test = base.extend("service", { auto: true }, async ({ db, redis, actions, runner }, { onCleanup }) => {
  const service = await startService(
    environment({ databaseUrl: db.urlAs("cp_orchestrator"), redisUrl: redis.url, queuePrefix: redis.prefix }),
  );
  onCleanup(() => service.close());
  actions.bind(service.server, ACTION_SECRET);
  runner.connect(service.server, RUNNER_TOKEN);
  return service;
});

/** Lets nobody in and puts everybody out. Returns a function that undoes it. */
export async function cutPostgres(db: TestDatabase, { deps }: Pick<StartedService, "deps">) {
  await db.pool.query(`alter database ${db.name} connection limit 0`);
  await db.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'orchestrator %' and datname = $1",
    [db.name],
  );
  // Until the service has noticed, its next statement would go to a connection that is ending.
  const pools = [deps.db.$client, deps.runnerDb.$client, deps.loopDb.$client];
  await expect.poll(() => pools.map(({ totalCount }) => totalCount)).toEqual([0, 0, 0]);
  return () => db.pool.query(`alter database ${db.name} connection limit -1`);
}

export type StartedService = Awaited<ReturnType<typeof startService>>;
export type Service = { server: FastifyInstance };

const refusalSchema = z.object({
  message: z.string(),
  extensions: z.looseObject({ code: z.string(), requestId: z.string() }),
});

/** A direct HTTP call; text goes as it is, anything else as JSON. */
export async function post({ server }: Service, url: string, payload: unknown, headers: Record<string, string> = {}) {
  const reply = await server.inject({
    method: "POST",
    url,
    headers: { "content-type": "application/json", ...headers },
    payload: typeof payload === "string" ? payload : JSON.stringify(payload),
  });
  const refusal = refusalSchema.safeParse(parsed(reply.body));
  return {
    status: reply.statusCode,
    headers: reply.headers,
    body: parsed(reply.body),
    text: reply.body,
    code: refusal.data?.extensions.code,
    extensions: refusal.data?.extensions,
  };
}

function parsed(text: string): unknown {
  return text === "" ? null : JSON.parse(text);
}

export type RunnerCall = "claim" | "heartbeat" | "events";

/** One call of `/runner/v1` as sent, good or bad; without a token there is no `authorization` header. */
export function callRunner(
  service: Service,
  runId: string,
  call: RunnerCall,
  token: string | undefined,
  body: unknown,
) {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return post(service, `/runner/v1/runs/${runId}/${call}`, body, headers);
}

/** A call of Hasura to `/events/…` or `/crons/…`; null leaves the secret out. */
export function callHook(service: Service, path: string, body: unknown, secret: string | null = EVENT_SECRET) {
  return post(service, path, body, secret === null ? {} : { "x-event-secret": secret });
}
