import { test as base, type TestLogs, type TestRun, type World } from "@control-plane/testkit";
import type { FastifyInstance } from "fastify";
import { loadConfig } from "../src/config.ts";
import { createDeps } from "../src/deps.ts";
import { createBreaker } from "../src/domain/breaker.ts";
import { buildServer } from "../src/server.ts";
import { setupExecutionLogs } from "../src/setup.ts";
import { type LineSketch, writeLines } from "./lines.ts";
import { type Ask, askPage, NEXT_SECRET, SECRET } from "./page.ts";

/** A store that is there may be slow here, as slow as this machine is busy. */
export const LOGS_WAIT_MS = 60_000;

/** What `process.env` holds for the service. */
export function environment(stores: { databaseUrl: string; mongoUrl: string }) {
  return {
    PORT: "0",
    LOG_LEVEL: "silent",
    DATABASE_WAIT_MS_MAX: "20000",
    DATABASE_URL: stores.databaseUrl,
    MONGODB_URL: stores.mongoUrl,
    LOGS_SCHEMA_SECRET: `${SECRET}, ${NEXT_SECRET}`,
  };
}

export type StartOptions = { databaseUrl?: string; mongoUrl?: string; poolMax?: number };
export type Service = Awaited<ReturnType<typeof startService>>;
type Serving = { server: FastifyInstance };

/** The service as `main.ts` builds it, but for the breaker's clock, which only the test moves. */
async function startService(env: Record<string, string>) {
  const config = loadConfig(env);
  const { deps, close } = await createDeps(config);
  let nowMs = 0;
  let closed: Promise<void> | undefined;
  deps.breaker = createBreaker(() => nowMs);
  const server = await buildServer(deps, {
    secrets: config.LOGS_SCHEMA_SECRET,
    trustedProxies: config.TRUSTED_PROXIES,
  });
  return {
    server,
    deps,
    letPass(ms: number) {
      nowMs += ms;
    },
    /** May be called again by the fixture that made it. */
    close() {
      closed ??= server.close().then(close);
      return closed;
    },
  };
}

export const test = base
  .extend("start", async ({ db, logs }, { onCleanup }) => {
    await setupExecutionLogs(logs.db);
    const closing: (() => Promise<void>)[] = [];
    onCleanup(async () => {
      for (const close of closing.reverse()) await close();
    });
    return async (options: StartOptions = {}) => {
      const service = await startService({
        ...environment({
          databaseUrl: options.databaseUrl ?? db.urlAs("cp_logs"),
          mongoUrl: monitored(options.mongoUrl ?? logs.url),
        }),
        DATABASE_POOL_MAX: String(options.poolMax ?? 10),
        ...(options.databaseUrl === undefined && options.mongoUrl === undefined
          ? { LOGS_WAIT_MS_MAX: String(LOGS_WAIT_MS) }
          : {}),
      });
      closing.push(service.close);
      return service;
    };
  })
  .extend("service", ({ start }) => start())
  /** A tenant with a viewer and a run of one step that is under way. */
  .extend("acme", async ({ world, logs }) => {
    const tenant = await world.tenant();
    const viewer = await tenant.user("viewer");
    const run = await (await tenant.workflow()).run({ status: "RUNNING" });
    const stepRunId = await stepOf(run);
    return {
      id: tenant.id,
      tenant,
      viewer,
      run,
      stepRunId,
      write: (...lines: LineSketch[]) => writeLines(logs, { tenantId: tenant.id, run, stepRunId }, lines),
      readRun: (service: Serving, args: Record<string, unknown> = {}, ask: Partial<Ask> = {}) =>
        askPage(service, { caller: viewer, ...ask }, "getRunLogs", { workflowRunId: run.id, ...args }),
      readStep: (service: Serving, args: Record<string, unknown> = {}, ask: Partial<Ask> = {}) =>
        askPage(service, { caller: viewer, ...ask }, "getStepLogs", { stepRunId, ...args }),
    };
  });

/** The driver then tells of every command it sends. */
function monitored(mongoUrl: string): string {
  const url = new URL(mongoUrl);
  url.searchParams.set("monitorCommands", "true");
  return url.toString();
}

export async function stepOf(run: TestRun): Promise<string> {
  const [step] = await run.steps();
  if (step === undefined) throw new Error("the run has no step");
  return step.id;
}

/** A tenant with a line of its own, for tests about what must stay apart. */
export async function addNeighbour(world: World, logs: TestLogs) {
  const tenant = await world.tenant();
  const owner = await tenant.user("owner");
  const run = await (await tenant.workflow()).run({ status: "RUNNING" });
  const stepRunId = await stepOf(run);
  await writeLines(logs, { tenantId: tenant.id, run, stepRunId }, [{ message: "nobody else's business" }]);
  return { id: tenant.id, owner, run, stepRunId };
}
