import { type Database, isDataError, repeatOnConflict } from "@control-plane/db";
import { type JsonValue, jsonValueSchema } from "@control-plane/queue/json-value";
import type { Bundle } from "@control-plane/queue/runner-api";
import { z } from "zod";
import { type Definition, definitionSchema } from "./definition/definition.ts";

const LOG_LINES_MAX = 50_000;

/** What a jsonb column holds is JSON; a claim must not fail over what it holds. */
const storedJson = z.custom<JsonValue | undefined>(() => true).transform((value): JsonValue => value ?? null);

const claimableSchema = z.object({
  tenant_id: z.uuid(),
  workflow_id: z.uuid(),
  workflow_version_id: z.uuid(),
  max_attempts: z.int(),
  source: z.enum(["MANUAL", "WEBHOOK", "SCHEDULE", "RETRY", "REPLAY"]),
  input: storedJson,
  traceparent: z.string().nullable(),
  version: z.int(),
  definition: definitionSchema,
  expires_at: z.date(),
  trigger_type: z.enum(["WEBHOOK", "SCHEDULE"]).nullable(),
  headers: z.record(z.string(), z.string()).nullable(),
  delivery_id: z.uuid().nullable(),
  received_at: z.date().nullable(),
  scheduled_for: z.date().nullable(),
  done: z.array(z.object({ stepKey: z.string(), output: storedJson })),
  actions: z.array(
    z.object({
      id: z.uuid(),
      key: z.string(),
      timeout_seconds: z.int(),
      request: jsonValueSchema.nullable(),
      app: z.string(),
      app_version: z.string(),
      base_url: z.string().nullable(),
      allowed_hosts: z.array(z.string()),
      auth_type: z.string(),
    }),
  ),
  base_urls: z.array(z.object({ id: z.uuid(), base_url: z.string().nullable() })),
});

/** All that a claim has to know of a run. */
export type Claimable = z.infer<typeof claimableSchema>;

/**
 * A retry carries the trigger of the run it goes back to, over any number of retries; a replay has its delivery itself.
 * Each row is looked up by its key alone, behind `offset 0` or as one of an array: a plan that was made while the tables were
 * empty must not go through one of them later.
 */
const CLAIMABLE = `
with recursive wanted as (
  select * from unnest($1::uuid[], $2::int[]) with ordinality as w (id, attempt, place)),
run as (
  select w.place, r.* from workflow_runs r join wanted w on w.id = r.id and w.attempt = r.attempt
   where r.id = any($1) and (r.status = 'QUEUED') is true and r.deadline_at > now()),
line as (
  select place, tenant_id, retry_of_run_id, webhook_delivery_id, trigger_id, scheduled_for from run
  union all
  select l.place, r.tenant_id, r.retry_of_run_id, r.webhook_delivery_id, r.trigger_id, r.scheduled_for
    from line l cross join lateral (select * from workflow_runs where id = l.retry_of_run_id offset 0) r
   where r.tenant_id = l.tenant_id),
delivery as materialized (
  select id, tenant_id, headers, received_at from webhook_deliveries where id = any(array(select webhook_delivery_id from line))),
started_by as materialized (
  select id, tenant_id, type from triggers where id = any(array(select trigger_id from line)))
select r.place, r.tenant_id, r.workflow_id, r.workflow_version_id, r.max_attempts, r.source::text as source, r.input, r.traceparent,
       v.version, v.definition, now() + make_interval(days => t.log_retention_days) as expires_at,
       case when d.id is not null then 'WEBHOOK' when o.scheduled_for is not null then 'SCHEDULE' else tr.type::text end as trigger_type,
       d.headers, d.id as delivery_id, d.received_at, o.scheduled_for,
       (select coalesce(jsonb_agg(jsonb_build_object('stepKey', s.step_key, 'output', s.output)), '[]') from step_runs s
         where s.tenant_id = r.tenant_id and s.workflow_run_id = r.id and s.status = 'SUCCEEDED') as done,
       (select coalesce(jsonb_agg(jsonb_build_object(
                 'id', a.id, 'key', a.key, 'timeout_seconds', a.timeout_seconds, 'request', a.request, 'app', p.slug,
                 'app_version', av.version, 'base_url', av.base_url, 'allowed_hosts', av.allowed_hosts, 'auth_type', av.auth_type)), '[]')
          from (select distinct (step ->> 'actionId')::uuid as id from jsonb_array_elements(v.definition -> 'steps') step) named
         cross join lateral (select * from actions where id = named.id offset 0) a
         cross join lateral (select * from app_versions where id = a.app_version_id offset 0) av
         cross join lateral (select * from apps where id = av.app_id offset 0) p
         where a.tenant_id is null or a.tenant_id = r.tenant_id) as actions,
       (select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'base_url', c.config ->> 'baseUrl')), '[]')
          from (select distinct (step ->> 'connectionId')::uuid as id from jsonb_array_elements(v.definition -> 'steps') step) named
         cross join lateral (select id, tenant_id, config from connections where id = named.id offset 0) c
         where c.tenant_id = r.tenant_id) as base_urls
  from run r
  cross join lateral (
    select * from workflow_versions
     where tenant_id = r.tenant_id and workflow_id = r.workflow_id and id = r.workflow_version_id offset 0) v
  cross join lateral (select * from tenants where id = r.tenant_id offset 0) t
  join line o on o.place = r.place and o.retry_of_run_id is null
  left join delivery d on d.tenant_id = r.tenant_id and d.id = o.webhook_delivery_id
  left join started_by tr on tr.tenant_id = r.tenant_id and tr.id = o.trigger_id`;

const placeSchema = z.object({ place: z.coerce.number() });

/**
 * For each attempt what its claim has to know: undefined unless it waits for its claim, an error where it cannot be read.
 * What is read here holds as long as it does: the version is pinned and published, and nobody writes steps of a run that no
 * runner holds.
 */
export async function readClaimables(
  db: Database,
  attempts: readonly { runId: string; attempt: number }[],
): Promise<(Claimable | Error | undefined)[]> {
  try {
    return await readTogether(db, attempts);
  } catch (error) {
    if (!(error instanceof Error && isDataError(error))) throw error;
    if (attempts.length === 1) return [error];
    // One definition that PostgreSQL cannot take apart must not cost the others.
    const half = Math.ceil(attempts.length / 2);
    const first = await readClaimables(db, attempts.slice(0, half));
    return [...first, ...(await readClaimables(db, attempts.slice(half)))];
  }
}

async function readTogether(
  db: Database,
  attempts: readonly { runId: string; attempt: number }[],
): Promise<(Claimable | Error | undefined)[]> {
  const values = [attempts.map(({ runId }) => runId), attempts.map(({ attempt }) => attempt)];
  const { rows } = await repeatOnConflict(() => db.$client.query({ name: "claimable", text: CLAIMABLE, values }));
  const read = new Map(
    rows.map((row) => {
      const parsed = claimableSchema.safeParse(row);
      const unreadable = () => new Error("what the run needs does not fit its schema", { cause: parsed.error });
      return [placeSchema.parse(row).place, parsed.success ? parsed.data : unreadable()];
    }),
  );
  return attempts.map((_, index) => read.get(index + 1));
}

type ClaimedAttempt = {
  id: string;
  attempt: number;
  startedAt: Date;
  /** In an order in which each comes after what it depends on. */
  steps: Definition["steps"];
  /** Ids of the attempt's step rows by key; a step without one has succeeded before. */
  open: ReadonlyMap<string, string>;
};

/** What a runner is given with a claim. */
export function buildBundle(facts: Claimable, run: ClaimedAttempt): Bundle {
  return {
    contractVersion: 1,
    run: {
      id: run.id,
      tenantId: facts.tenant_id,
      workflowId: facts.workflow_id,
      workflowVersionId: facts.workflow_version_id,
      version: facts.version,
      attempt: run.attempt,
      maxAttempts: facts.max_attempts,
      source: facts.source,
      startedAt: run.startedAt.toISOString(),
    },
    trigger: bundledTrigger(facts),
    input: facts.input,
    output: facts.definition.output,
    steps: bundledSteps(facts, run),
    completedSteps: facts.done,
    logs: { expiresAt: facts.expires_at.toISOString(), linesMax: LOG_LINES_MAX },
    traceparent: facts.traceparent,
  };
}

function bundledTrigger(facts: Claimable): Bundle["trigger"] {
  if (facts.trigger_type === null) return null;
  return {
    type: facts.trigger_type,
    headers: facts.headers ?? {},
    deliveryId: facts.delivery_id,
    receivedAt: facts.received_at?.toISOString() ?? null,
    scheduledFor: facts.scheduled_for?.toISOString() ?? null,
  };
}

function bundledSteps(facts: Claimable, run: ClaimedAttempt): Bundle["steps"] {
  const actions = new Map(facts.actions.map((action) => [action.id, action]));
  const baseUrls = new Map(facts.base_urls.map((connection) => [connection.id, connection.base_url]));
  return run.steps.flatMap((step, position) => {
    const stepRunId = run.open.get(step.key);
    const action = actions.get(step.actionId);
    if (stepRunId === undefined || action === undefined) return [];
    return [
      {
        stepRunId,
        stepKey: step.key,
        position,
        dependsOn: step.dependsOn,
        input: step.input,
        when: step.when ?? null,
        timeoutSeconds: step.timeoutSeconds ?? action.timeout_seconds,
        app: action.app,
        appVersion: action.app_version,
        action: action.key,
        baseUrl: (step.connectionId === undefined ? undefined : baseUrls.get(step.connectionId)) ?? action.base_url,
        allowedHosts: action.allowed_hosts,
        request: action.request,
        connectionId: step.connectionId ?? null,
        authType: action.auth_type,
        idempotencyKey: `${run.id}:${step.key}`,
      },
    ];
  });
}
