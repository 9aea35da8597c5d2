import { join } from "node:path";
import { z } from "zod";
import { type Child, startChild } from "./child.ts";
import type { Hook } from "./data/hook-databases.ts";
import { query, urlAs } from "./data/server.ts";

/** A server that takes signed webhooks. */
export type HookSide = {
  readonly name: string;
  /** What it starts on: our schema, nothing, or no database at all. */
  readonly database: "full" | "empty" | "none";
  start(port: number, databaseUrl: string): Promise<Child>;
  /** What it has stored; undefined for a side that stores nothing. */
  countRows(databaseUrl: string): Promise<number | undefined>;
};

export type HookSideOptions = {
  readonly hook: Hook;
  readonly keyring: string;
  readonly redisUrl: string;
  /** Node's arguments that run the gateway's main. */
  readonly gatewayArgs: readonly string[];
  /** Other settings of the gateway than production's. */
  readonly gatewayEnv?: Readonly<Record<string, string>>;
};

/** The gateway with everything on but its rate limits; orchestrator and runners are not there. */
export function gatewaySide({ keyring, gatewayArgs, gatewayEnv }: HookSideOptions): HookSide {
  return {
    name: "gateway",
    database: "full",
    start: (port, databaseUrl) =>
      startChild({
        name: "gateway",
        args: gatewayArgs,
        env: {
          LOG_LEVEL: "warn",
          DATABASE_URL: urlAs(databaseUrl, "cp_gateway"),
          KEYRING: keyring,
          HASURA_ACTION_SECRET: "a-secret-of-the-bench",
          HOOKS_PUBLIC_URL: "https://bench.example",
          HOOK_RATE_PER_PATH: "0",
          HOOK_RATE_PER_ADDRESS: "0",
          ...gatewayEnv,
        },
        port,
        readyPath: "/ready",
      }),
    countRows: (url) => count(url, GATEWAY_ROWS),
  };
}

/** A delivery without its run, or a run without its delivery, counts as none. */
const GATEWAY_ROWS = `
  select count(*)::int as rows from webhook_deliveries d
    join workflow_runs r on r.tenant_id = d.tenant_id and r.webhook_delivery_id = d.id and r.source = 'WEBHOOK'`;

/** Verification alone. */
export function hmacSide(options: HookSideOptions): HookSide {
  return { ...floor("hmac", options), database: "none", countRows: async () => undefined };
}

/** Row and job, one after the other. */
export function insertAddSide(options: HookSideOptions): HookSide {
  return { ...floor("insertadd", options), countRows: (url) => count(url, "select count(*)::int as rows from runs") };
}

export function pgBossSide(options: HookSideOptions): HookSide {
  return {
    ...floor("pgboss", options),
    countRows: (url) => count(url, "select count(*)::int as rows from pgboss.job"),
  };
}

export function graphileSide(options: HookSideOptions): HookSide {
  const rows = "select count(*)::int as rows from graphile_worker.jobs";
  return { ...floor("graphile", options), countRows: (url) => count(url, rows) };
}

function floor(name: string, { hook, redisUrl }: HookSideOptions): Pick<HookSide, "name" | "database" | "start"> {
  return {
    name,
    database: "empty",
    start: (port, databaseUrl) =>
      startChild({
        name,
        args: [join(import.meta.dirname, `floors/${name}.server.ts`)],
        env: { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, HOOK_PATH: hook.path, HOOK_SECRET: hook.secret },
        port,
        readyPath: "/ready",
      }),
  };
}

async function count(url: string, statement: string): Promise<number> {
  const [row] = await query(url, statement);
  return z.object({ rows: z.int() }).parse(row).rows;
}
