import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { builtProgram, startChild, workDir } from "../child.ts";
import { query, urlAs } from "../data/server.ts";
import { steady } from "../generators/steady.ts";
import { gatewaySide } from "../hook-sides.ts";
import { writeRequests } from "../requests-file.ts";
import { type BarResult, runRounds } from "../rounds.ts";
import { runProgram } from "../run-program.ts";
import { onFreshStores, type RunBarOptions } from "../runs/fresh-stores.ts";
import {
  addRuns,
  addTenant,
  type StackOptions,
  startNoopRunner,
  startOrchestrator,
  untilEnded,
} from "../runs/run-stack.ts";
import { signWebhooks } from "../signed-webhooks.ts";
import type { Window } from "../verdict.ts";
import { ANSWER_BEGINS } from "./hook-bars.ts";

const srcDir = join(import.meta.dirname, "..");
const WEBHOOKS = 20_000;
const WEBHOOK_CONNECTIONS = 16;
const RUNNER_CONCURRENCY = 50;
const END_WITHIN_MS = 600_000;

/** Webhooks to finished runs with a runner that does nothing, against BullMQ's empty jobs. */
export function wholeRunBar(options: RunBarOptions): Promise<BarResult> {
  return compare("P5", "webhook to finished run, a runner that does nothing", 0.03, options, {
    ours: { name: "control plane", measure: () => onFreshStores(options, (stores) => wholeRuns(stores, options)) },
    reference: { name: "noop-worker", measure: () => floorChild("noop-worker", options) },
  });
}

/** From the first request to the last end; what was acknowledged has ended well, and nothing else is there. */
async function wholeRuns(stores: StackOptions, options: RunBarOptions): Promise<Window> {
  const { databases } = options;
  const sides = {
    hook: databases.hook,
    keyring: databases.keyring,
    redisUrl: stores.redisUrl,
    gatewayArgs: builtProgram("apps/webhook-gateway/dist/main.js"),
  };
  const gateway = await gatewaySide(sides).start(await stores.freePort(), stores.databaseUrl);
  const orchestrator = await startOrchestrator(stores);
  const runner = await startNoopRunner(orchestrator, stores, RUNNER_CONCURRENCY);
  try {
    const requestsFile = signWebhooks(databases.hook, "whole-runs", WEBHOOKS);
    const job = { url: gateway.url, connections: WEBHOOK_CONNECTIONS, answerBegins: ANSWER_BEGINS };
    const sent = await steady.measure({ ...job, seconds: 600, requestsFile });
    await untilEnded(stores.databaseUrl, undefined, END_WITHIN_MS);
    const [row] = await query(
      stores.databaseUrl,
      `select count(*)::int as runs, count(*) filter (where status = 'SUCCEEDED')::int as succeeded,
              extract(epoch from max(finished_at) - min(created_at))::float8 as seconds from workflow_runs`,
    );
    const { runs, succeeded, seconds } = z
      .object({ runs: z.int(), succeeded: z.int(), seconds: z.number() })
      .parse(row);
    const faults =
      runs === sent.requests && succeeded === runs
        ? []
        : [`${sent.requests} were acknowledged, ${runs} runs are there, ${succeeded} succeeded`];
    return { ...sent, side: "control plane", requests: succeeded, requestsPerSecond: succeeded / seconds, faults };
  } finally {
    for (const child of [runner, orchestrator, gateway]) await child.stop();
  }
}

const DISPATCHED = 50_000;
const TENANTS = 50;

/** Draining what waits for 50 tenants, against the oldest rows first. */
export function dispatchBar(options: RunBarOptions): Promise<BarResult> {
  return compare("P6", `dispatch of ${DISPATCHED} waiting runs of ${TENANTS} tenants`, 0.6, options, {
    ours: { name: "dispatcher", measure: () => onFreshStores(options, dispatchAll) },
    reference: { name: "dispatch", measure: () => floorChild("dispatch", options) },
  });
}

async function dispatchAll({ databaseUrl, redisUrl }: StackOptions): Promise<Window> {
  for (let n = 0; n < TENANTS; n++)
    await addRuns(databaseUrl, await addTenant(databaseUrl, `tenant-${n}`), DISPATCHED / TENANTS);
  const env = { ADMIN_URL: databaseUrl, DATABASE_URL: urlAs(databaseUrl, "cp_orchestrator"), REDIS_URL: redisUrl };
  const figures = await runProgram(join(srcDir, "runs/dispatch.child.ts"), env, printedSchema);
  const [row] = await query(databaseUrl, "select count(*)::int as ended from workflow_runs where status = 'SUCCEEDED'");
  const { ended } = z.object({ ended: z.int() }).parse(row);
  const faults =
    ended === DISPATCHED && figures.requests === ended ? [] : [`${ended} of ${DISPATCHED} were dispatched`];
  return { ...QUIET, ...figures, side: "dispatcher", faults };
}

const BATCHES = 12_000;
const BATCH_CONNECTIONS = 32;

/** Batches of six events, each a whole run, against one statement. */
export function eventsBar(options: RunBarOptions): Promise<BarResult> {
  return compare("P7", "event batches of six", 0.4, options, {
    ours: { name: "orchestrator", measure: () => onFreshStores(options, (stores) => eventBatches(stores, options)) },
    reference: {
      name: "events",
      measure: () => onFreshStores(options, (stores) => plainEvents(stores, options), "empty"),
    },
  });
}

const LEASE_TOKEN = `lt_${"A".repeat(43)}`;

function sixEvents(): string {
  const at = new Date().toISOString();
  const steps = ["one", "two"].flatMap((stepKey) => [
    { type: "step.started", stepKey, input: { stepKey } },
    { type: "step.succeeded", stepKey, output: { stepKey } },
  ]);
  const all = [...steps, { type: "step.skipped", stepKey: "three" }, { type: "run.succeeded", output: { ok: true } }];
  const events = all.map((event, index) => ({ seq: index + 1, at, ...event }));
  return JSON.stringify({ contractVersion: 1, attempt: 1, events });
}

async function eventBatches(stores: StackOptions, options: RunBarOptions): Promise<Window> {
  const tenantId = await addTenant(stores.databaseUrl, "events");
  await addRuns(stores.databaseUrl, tenantId, BATCHES);
  await holdAll(stores.databaseUrl);
  const ids = z
    .array(z.object({ id: z.uuid() }))
    .parse(await query(stores.databaseUrl, "select id from workflow_runs"));
  const orchestrator = await startOrchestrator(stores);
  try {
    const paths = ids.map(({ id }) => `/runner/v1/runs/${id}/events`);
    return await sendBatches("orchestrator", orchestrator.url, paths, options, async () => {
      const ended = "select count(*)::int as rows from workflow_runs where status = 'SUCCEEDED' and last_event_seq = 6";
      return z.object({ rows: z.int() }).parse((await query(stores.databaseUrl, ended))[0]).rows;
    });
  } finally {
    await orchestrator.stop();
  }
}

/** All are in the hands of one runner, three steps each. */
async function holdAll(url: string): Promise<void> {
  const hash = createHash("sha256").update(LEASE_TOKEN).digest();
  await query(url, "update workflow_runs set status = 'QUEUED', queued_at = now()");
  await query(
    url,
    "update workflow_runs set status = 'RUNNING', started_at = now(), lease_expires_at = now() + interval '1 hour', lease_token_hash = $1",
    [hash],
  );
  await query(
    url,
    `insert into step_runs (tenant_id, workflow_run_id, step_key, action_id, position, attempt)
     select r.tenant_id, r.id, s.key, (select id from actions where key = 'echo' limit 1), s.position, 1
       from workflow_runs r cross join (values ('one', 0), ('two', 1), ('three', 2)) s (key, position)`,
  );
}

async function plainEvents({ databaseUrl, freePort }: StackOptions, options: RunBarOptions): Promise<Window> {
  const env = { DATABASE_URL: databaseUrl, RUNS: String(BATCHES) };
  const args = [join(srcDir, "floors/events.server.ts")];
  const floor = await startChild({ name: "events", args, env, port: await freePort(), readyPath: "/ready" });
  try {
    const paths = Array.from({ length: BATCHES }, (_, index) => `/runs/${index + 1}/events`);
    return await sendBatches(
      "events",
      floor.url,
      paths,
      options,
      async () =>
        z.object({ rows: z.int() }).parse((await query(databaseUrl, "select count(*)::int as rows from steps"))[0])
          .rows,
    );
  } finally {
    await floor.stop();
  }
}

/** The first sixth warms up; each batch is sent once. */
async function sendBatches(
  side: string,
  url: string,
  paths: readonly string[],
  { log }: RunBarOptions,
  countRows: () => Promise<number>,
): Promise<Window> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${LEASE_TOKEN}` };
  const load = (part: readonly string[], what: string) => {
    const requestsFile = join(workDir, `P7-${side}-${what}.requests`);
    const body = sixEvents();
    writeRequests(
      requestsFile,
      part.map((path) => ({ path, headers, body })),
    );
    return steady.measure({
      url,
      connections: BATCH_CONNECTIONS,
      seconds: 600,
      requestsFile,
      answerBegins: '{"appliedSeq":6',
    });
  };
  const sixth = Math.floor(paths.length / 6);
  await load(paths.slice(0, sixth), "warm-up");
  const figures = await load(paths.slice(sixth), "measured");
  const rows = await countRows();
  log(`P7 ${side}: ${figures.requestsPerSecond.toFixed(0)}/s`);
  return { ...figures, side, faults: rows === paths.length ? [] : [`${paths.length} were sent, ${rows} were applied`] };
}

type Pair = {
  ours: Parameters<typeof runRounds>[0]["sides"][number];
  reference: Parameters<typeof runRounds>[0]["sides"][number];
};

function compare(
  id: string,
  title: string,
  gate: number,
  options: RunBarOptions,
  { ours, reference }: Pair,
): Promise<BarResult> {
  const references = [{ reference: reference.name, gate }];
  return runRounds(
    { id, title, skipped: [], ours: ours.name, references, sides: [ours, reference], before: async () => [] },
    options,
  );
}

async function floorChild(name: string, options: RunBarOptions): Promise<Window> {
  return onFreshStores(
    options,
    async ({ databaseUrl, redisUrl }) => {
      const env = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, JOBS: String(WEBHOOKS), ROWS: String(DISPATCHED) };
      return {
        ...QUIET,
        ...(await runProgram(join(srcDir, `floors/${name}.child.ts`), env, printedSchema)),
        side: name,
      };
    },
    "empty",
  );
}

/** What a program that makes its own load has no answers to count. */
const QUIET = { p50: 0, p99: 0, non2xx: 0, socketErrors: 0, wrongAnswers: 0, faults: [] } as const;
const printedSchema = z.object({ requests: z.int(), requestsPerSecond: z.number() });
