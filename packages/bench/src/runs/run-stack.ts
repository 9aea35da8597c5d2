import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { builtProgram, type Child, startChild } from "../child.ts";
import { query, urlAs } from "../data/server.ts";

const RUNNER_TOKEN = "the-runner-token-of-the-bench";

export type StackOptions = { databaseUrl: string; redisUrl: string; freePort: () => Promise<number> };

/** The orchestrator as production runs it. */
export async function startOrchestrator({ databaseUrl, redisUrl, freePort }: StackOptions): Promise<Child> {
  const env = {
    LOG_LEVEL: "warn",
    DATABASE_URL: urlAs(databaseUrl, "cp_orchestrator"),
    REDIS_URL: redisUrl,
    HASURA_ACTION_SECRET: "a-secret-of-the-bench",
    HASURA_EVENT_SECRET: "a-secret-of-the-bench",
    OPS_SECRET: "a-secret-of-the-bench",
    RUNNER_TOKENS: RUNNER_TOKEN,
    AUTH_ACTIONS_URL: "http://127.0.0.1:1",
  };
  const args = builtProgram("apps/orchestrator/dist/main.js");
  return startChild({ name: "orchestrator", args, env, port: await freePort(), readyPath: "/ready" });
}

/** A runner that does nothing, so many runs at a time. */
export async function startNoopRunner(
  orchestrator: Child,
  { redisUrl, freePort }: StackOptions,
  concurrency: number,
): Promise<Child> {
  const env = {
    CONCURRENCY: String(concurrency),
    ORCHESTRATOR_URL: orchestrator.url,
    REDIS_URL: redisUrl,
    RUNNER_TOKEN,
  };
  const args = [join(import.meta.dirname, "noop-runner.child.ts")];
  return startChild({ name: "noop-runner", args, env, port: await freePort(), readyPath: "/" });
}

/** A tenant with a published workflow of one step; gives its id. */
export async function addTenant(url: string, slug: string, slots = 50): Promise<string> {
  const [row] = await query(
    url,
    `with t as (insert into tenants (slug, name, max_concurrent_runs) values ($1, $1, $2) returning id),
          w as (insert into workflows (tenant_id, name) select id, 'Bench' from t returning id, tenant_id),
          v as (insert into workflow_versions (tenant_id, workflow_id, definition, is_latest, published_at)
                select tenant_id, id, jsonb_build_object('schemaVersion', 1, 'steps', jsonb_build_array(
                         jsonb_build_object('key', 'echo', 'actionId', (select id from actions where key = 'echo' limit 1)))),
                       true, now() from w)
     select id from t`,
    [slug, slots],
  );
  return z.object({ id: z.uuid() }).parse(row).id;
}

/** So many due runs of the tenant, as one burst. */
export async function addRuns(url: string, tenantId: string, count: number): Promise<void> {
  await query(
    url,
    `insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, max_attempts, deadline_at)
     select v.tenant_id, v.workflow_id, v.id, 'SCHEDULE', 3, now() + interval '1 day'
       from workflow_versions v, generate_series(1, $2::int) where v.tenant_id = $1`,
    [tenantId, count],
  );
}

/** Waits until none of the tenants' runs is left open. */
export async function untilEnded(url: string, tenantId: string | undefined, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const [row] = await query(
      url,
      `select count(*)::int as open from workflow_runs
        where status in ('PENDING', 'QUEUED', 'RUNNING', 'CANCELLING') and ($1::uuid is null or tenant_id = $1)`,
      [tenantId ?? null],
    );
    const { open } = z.object({ open: z.int() }).parse(row);
    if (open === 0) return;
    if (Date.now() > deadline) throw new Error(`${open} runs are still open`);
    await delay(100);
  }
}
