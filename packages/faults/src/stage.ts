import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { cloneDatabase, createDatabase, type DatabaseClient, dropDatabase, roleUrl } from "@control-plane/db";
import {
  choosePorts,
  engineSpec,
  loadSecrets,
  runnerEnv,
  type SpecInput,
  serviceSpecs,
} from "@control-plane/local-stack";
import { findFreePort } from "@control-plane/local-stores";
import { createWorld, type World } from "@control-plane/testkit/world";
import type pg from "pg";
import { WATCH_MOVES } from "./audit/watch-moves.ts";
import type { FaultStores } from "./fault-stores.ts";
import { createProgram, type Program } from "./program.ts";
import { STRETCH } from "./stretch.ts";

/** What the services of the last run of each cell wrote. */
const logsDir = resolve(import.meta.dirname, "../../../.local/faults");

/** Where the services come from: this workspace, built, or a copy of it whose source was changed. */
export type Workspace = { readonly root: string; readonly kind: "built" | "source" };

/** Times are shortened, so that a lost runner is noticed within seconds. */
export const SHORT = { leaseSeconds: 3 * STRETCH, queuedSeconds: 3 * STRETCH, cancelGraceSeconds: 2 * STRETCH };

const PATIENT = STRETCH === 1 ? {} : { DATABASE_WAIT_MS_MAX: String(2_000 * STRETCH) };
const SHORTENED = {
  orchestrator: {
    ...PATIENT,
    LEASE_SECONDS: String(SHORT.leaseSeconds),
    HEARTBEAT_SECONDS: "1",
    SWEEP_INTERVAL_MS: "500",
    QUEUED_CHECK_SECONDS: String(SHORT.queuedSeconds),
    CANCEL_GRACE_SECONDS: String(SHORT.cancelGraceSeconds),
  },
  "webhook-gateway": { ...PATIENT, HOOK_RATE_PER_PATH: "0", HOOK_RATE_PER_ADDRESS: "0" },
  "auth-actions": PATIENT,
  "logs-schema": PATIENT,
};

/** For runs that the harness holds itself, which has no heartbeat. */
export const LONG_LEASE = { env: { LEASE_SECONDS: "300" } } as const;

export type ServiceName = "auth-actions" | "webhook-gateway" | "orchestrator" | "logs-schema" | "hasura";

/** What one cell plays on: a database of its own, and services as processes, none of them started yet. */
export type Stage = {
  readonly input: SpecInput;
  readonly database: DatabaseClient;
  readonly pool: pg.Pool;
  readonly databaseUrl: string;
  readonly world: World;
  readonly ledgerFile: string;
  readonly folder: string;
  program(service: ServiceName, options?: { port?: number }): Program;
  /** One more process of a service, on a port of its own. */
  another(service: ServiceName): Promise<Program>;
  runner(env?: Readonly<Record<string, string>>): Program;
  programs(): readonly Program[];
  close(): Promise<void>;
};

const ROLES = {
  hasura: "cp_hasura",
  auth: "cp_auth",
  gateway: "cp_gateway",
  orchestrator: "cp_orchestrator",
  logs: "cp_logs",
} as const;

export async function openStage(
  stores: FaultStores,
  workspace: Workspace,
  options: { name: string; mongodb: string | undefined; statements: readonly string[] },
): Promise<Stage> {
  const folder = join(logsDir, options.name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "logs"), { recursive: true });
  const databaseName = `faults_${options.name.toLowerCase().replaceAll(/[^a-z0-9]/g, "_")}`;
  await dropDatabase(stores.databaseUrl, databaseName);
  const databaseUrl = await cloneDatabase(stores.databaseUrl, databaseName);
  await stores.flushRedis();
  const database = createDatabase({ url: databaseUrl, poolMax: 4, applicationName: "faults", work: "command" });
  // A server that is killed breaks the idle connections too.
  database.pool.on("error", () => {});
  for (const statement of [WATCH_MOVES, ...options.statements]) await database.pool.query(statement);
  const input: SpecInput = {
    ports: await choosePorts(folder, true),
    secrets: loadSecrets(folder),
    stores: {
      redis: stores.redisUrl,
      mongodb: options.mongodb,
      database: {
        hasura: roleUrl(databaseUrl, ROLES.hasura),
        auth: roleUrl(databaseUrl, ROLES.auth),
        gateway: roleUrl(databaseUrl, ROLES.gateway),
        orchestrator: roleUrl(databaseUrl, ROLES.orchestrator),
        logs: roleUrl(databaseUrl, ROLES.logs),
      },
    },
    logDir: join(folder, "logs"),
    mailDir: join(folder, "mail"),
    queuePrefix: "faults",
    overrides: SHORTENED,
  };
  const programs: Program[] = [];
  const ledgerFile = join(folder, "ledger.jsonl");
  const add = (program: Program): Program => {
    programs.push(program);
    return program;
  };
  const program = (service: ServiceName, { port }: { port?: number } = {}): Program => {
    const spec = [...serviceSpecs(input), engineSpec(input)].find(({ name }) => name === service);
    if (spec?.readyUrl === undefined) throw new Error(`there is no service ${service}`);
    const own = port === undefined ? {} : { PORT: String(port) };
    const readyUrl = port === undefined ? spec.readyUrl : spec.readyUrl.replace(/:\d+\//, `:${port}/`);
    return add(
      createProgram({
        name: port === undefined ? service : `${service}-${port}`,
        args: argsIn(workspace, service, spec.args),
        env: { ...spec.env, LOG_LEVEL: "warn", ...own },
        cwd: workspace.root,
        logDir: input.logDir,
        readyUrl,
      }),
    );
  };
  return {
    input,
    database,
    pool: database.pool,
    databaseUrl,
    world: createWorld(database.db),
    ledgerFile,
    folder,
    program,
    another: async (service) => program(service, { port: await findFreePort() }),
    runner: (env = {}) =>
      add(
        createProgram({
          name: `runner-${programs.length}`,
          args: ["--conditions=@control-plane/source", join(import.meta.dirname, "runner.child.ts")],
          env: {
            ...runnerEnv(input),
            RUNNER_ID: `runner-${programs.length}`,
            LEDGER: ledgerFile,
            BLOCK_SECONDS: String(2 * SHORT.leaseSeconds + 2),
            ...env,
          },
          cwd: workspace.root,
          logDir: input.logDir,
          readyUrl: undefined,
        }),
      ),
    programs: () => programs,
    async close() {
      await Promise.all(programs.map((one) => one.kill()));
      await database.close();
      await dropDatabase(stores.databaseUrl, databaseName);
    },
  };
}

/** The stack starts services from their source; here they run as they are deployed, unless the source is what was changed. */
function argsIn({ root, kind }: Workspace, service: ServiceName, given: readonly string[]): string[] {
  const place = service === "hasura" ? "packages/hasura-engine" : `apps/${service}`;
  const main = service === "hasura" ? "cli" : "main";
  const tail = given.slice(given.findIndex((arg) => arg.endsWith(".ts")) + 1);
  return kind === "source"
    ? ["--conditions=@control-plane/source", join(root, place, `src/${main}.ts`), ...tail]
    : [join(root, place, `dist/${main}.js`), ...tail];
}
