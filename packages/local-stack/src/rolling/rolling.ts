import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findFreePort } from "@control-plane/local-stores";
import pg from "pg";
import { rootDir } from "../clone.ts";
import { choosePorts } from "../ports.ts";
import { serviceSpecs } from "../process-specs.ts";
import { startProxy } from "../proxy.ts";
import { type ServiceProcess, type ServiceSpec, startService } from "../service-process.ts";
import { resetStack, type Stack, startStack } from "../stack.ts";
import { startBalancer } from "./balancer.ts";
import { openClient, prepareScene, startLoad } from "./load.ts";

const stateDir = join(rootDir, ".local/rolling");
/** Until a balancer has seen that a process is back: it asks each second. In a cluster this is what probes are for. */
const SEEN_AFTER_MS = 1_500;
/** Longer than the lease of a job that nobody works on any more. */
const RUNS_END_MS_MAX = 60_000;
const PROBLEMS_SHOWN = 5;

const NAMES = ["auth-actions", "webhook-gateway", "orchestrator", "logs-schema"] as const;
const INNER = ["authActions", "webhookGateway", "orchestrator", "logsSchema"] as const;

type Part = { spec: ServiceSpec; process: ServiceProcess };
type Closer = () => Promise<unknown>;

/**
 * Two processes of each service behind Caddy, requests of each kind all the time, and SIGTERM to one process after the
 * other, each of which is started anew. Ends with 1 when one request failed or one accepted webhook did not become a
 * finished run.
 */
export async function playRolling(log: (line: string) => void): Promise<number> {
  await resetStack(stateDir, join(stateDir, "mail"));
  mkdirSync(join(stateDir, "second"), { recursive: true });
  const closers: Closer[] = [];
  try {
    return await play(closers, log);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function play(closers: Closer[], log: (line: string) => void): Promise<number> {
  const { stack, parts, address } = await startDoubled(closers, log);
  const proxy = await startProxy({ stateDir: join(stateDir, "proxy"), upstreams: address, log });
  closers.push(() => proxy.stop());
  const client = openClient(proxy);
  closers.push(async () => client.close());
  const load = startLoad(client.ask, await prepareScene(client.ask));
  closers.push(() => load.stop());

  log(row("service", "requests", "failed", "replaced", "longest end"));
  for (const name of NAMES) {
    const [answeredBefore, failedBefore] = [load.answered(), load.problems.length];
    const own = parts.filter(({ spec }) => spec.name === name);
    let longestMs = 0;
    for (const part of own) {
      const startedAt = performance.now();
      await part.process.stop();
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      part.process = await startService(part.spec, log);
      await pause(SEEN_AFTER_MS);
    }
    const failed = load.problems.length - failedBefore;
    for (const problem of load.problems.slice(failedBefore, failedBefore + PROBLEMS_SHOWN)) log(`  ${problem}`);
    const requests = load.answered() - answeredBefore + failed;
    log(row(name, requests, failed, own.length, `${(longestMs / 1000).toFixed(1)} s`));
  }
  await load.stop();
  const { finished, unfinished } = await countRuns(stack, load.accepted());
  const good = load.problems.length === 0 && unfinished === 0 && finished === load.accepted();
  log(
    `rolling ${good ? "succeeded" : "FAILED"}: ${load.answered()} requests answered, ${load.problems.length} failed; ${load.accepted()} accepted webhooks became ${finished} finished runs, ${unfinished} runs did not finish`,
  );
  return good ? 0 : 1;
}

const row = (name: string, ...cells: readonly (string | number)[]): string =>
  name.padEnd(16) + cells.map((cell) => String(cell).padStart(13)).join("");

/** The stack with a second process of each service; what calls a service inside goes through a balancer. */
async function startDoubled(closers: Closer[], log: (line: string) => void) {
  const first = await choosePorts(stateDir, true);
  const second = await choosePorts(join(stateDir, "second"), true);
  const inner = {
    authActions: await findFreePort(),
    webhookGateway: await findFreePort(),
    orchestrator: await findFreePort(),
    logsSchema: await findFreePort(),
  };
  const both = (name: keyof typeof first): string[] => [first, second].map((ports) => `127.0.0.1:${ports[name]}`);
  const at = (name: keyof typeof inner): string => `http://127.0.0.1:${inner[name]}`;
  const balanced = INNER.map((name) => ({ port: inner[name], addresses: both(name) }));
  const balancer = await startBalancer(stateDir, balanced, log);
  closers.push(() => balancer.stop());

  const unlimited = { HOOK_RATE_PER_PATH: "0", HOOK_RATE_PER_ADDRESS: "0" };
  const calls = { AUTH_ACTIONS_URL: at("authActions"), ORCHESTRATOR_URL: at("orchestrator") };
  const overrides = {
    "webhook-gateway": unlimited,
    orchestrator: { AUTH_ACTIONS_URL: calls.AUTH_ACTIONS_URL },
    hasura: { ...calls, WEBHOOK_GATEWAY_URL: at("webhookGateway"), LOGS_SCHEMA_URL: at("logsSchema") },
    runner: { ORCHESTRATOR_URL: calls.ORCHESTRATOR_URL },
  };
  const stack = await startStack({ stateDir, anyPort: true, overrides, log });
  closers.push(() => stack.stop());
  const { secrets, stores, mailDir, queuePrefix } = stack;
  const input = { secrets, stores, mailDir, queuePrefix, overrides };
  const ours = serviceSpecs({ ...input, ports: first, logDir: join(stateDir, "logs") });
  const theirs = serviceSpecs({ ...input, ports: second, logDir: join(stateDir, "second") });
  const parts: Part[] = [];
  for (const name of NAMES) {
    const [spec, running] = [ours.find((one) => one.name === name), stack.service(name)];
    if (spec === undefined || running === undefined) throw new Error(`there is no ${name}`);
    parts.push({ spec, process: running });
  }
  await Promise.all(
    theirs.map(async (spec) => {
      const process = await startService(spec, log);
      closers.push(() => process.stop());
      parts.push({ spec, process });
    }),
  );
  closers.push(() => Promise.all(parts.map(({ process }) => process.stop())));
  return {
    stack,
    parts,
    address: {
      webhookGateway: both("webhookGateway"),
      authActions: both("authActions"),
      hasura: [new URL(stack.urls.hasura).host],
    },
  };
}

/** Of webhooks those that succeeded, of all those that did not; after a while in which those under way may end. */
async function countRuns({ databaseUrl }: Stack, accepted: number): Promise<{ finished: number; unfinished: number }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const until = Date.now() + RUNS_END_MS_MAX; ; await pause(250)) {
      const { rows } = await client.query<{ finished: number; unfinished: number }>(
        `select count(*) filter (where source = 'WEBHOOK' and status = 'SUCCEEDED')::int as finished,
           count(*) filter (where status <> 'SUCCEEDED')::int as unfinished from workflow_runs`,
      );
      const { finished, unfinished } = rows[0] ?? { finished: 0, unfinished: 0 };
      if ((unfinished === 0 && finished >= accepted) || Date.now() > until) return { finished, unfinished };
    }
  } finally {
    await client.end();
  }
}
