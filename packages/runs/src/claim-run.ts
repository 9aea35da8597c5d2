import { newToken } from "@control-plane/crypto";
import { type Database, inTransaction, stepRuns, type Transaction, workflowRuns } from "@control-plane/db";
import { type Bundle, type JsonValue, jsonValueSchema } from "@control-plane/queue";
import { and, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { type Definition, definitionSchema } from "./definition/definition.ts";
import { orderSteps } from "./definition/step-order.ts";
import type { LeaseSettings } from "./limits.ts";

export type Claim = { runId: string; attempt: number; runnerId: string };
export type Claimed = { leaseToken: string; leaseExpiresAt: Date; deadlineAt: Date; bundle: Bundle };

const LOG_LINES_MAX = 50_000;

/**
 * Gives one attempt to one runner: one conditional update takes it from QUEUED to RUNNING, so of any number of claims
 * exactly one gets it. Undefined for every other: too late, unknown, or not this attempt.
 */
export async function claimRun(db: Database, claim: Claim, lease: LeaseSettings): Promise<Claimed | undefined> {
  const token = newToken("lt_");
  return inTransaction(db, { source: "runner", runId: claim.runId }, async (tx) => {
    const [run] = await tx
      .update(workflowRuns)
      .set({
        status: "RUNNING",
        leaseTokenHash: token.hash,
        leaseExpiresAt: sql`now() + make_interval(secs => ${lease.leaseSeconds})`,
        runnerId: claim.runnerId,
        lastEventSeq: 0,
        startedAt: sql`coalesce(${workflowRuns.startedAt}, now())`,
        deadlineAt: sql`case when ${workflowRuns.startedAt} is null
          then now() + make_interval(secs => coalesce((select (v.definition ->> 'timeoutSeconds')::numeric::int from workflow_versions v
                 where v.tenant_id = ${workflowRuns.tenantId} and v.id = ${workflowRuns.workflowVersionId}), 3600))
          else ${workflowRuns.deadlineAt} end`,
      })
      .where(
        and(
          eq(workflowRuns.id, claim.runId),
          eq(workflowRuns.attempt, claim.attempt),
          eq(workflowRuns.status, "QUEUED"),
        ),
      )
      .returning();
    if (run?.leaseExpiresAt == null || run.startedAt === null) return undefined;
    return {
      leaseToken: token.token,
      leaseExpiresAt: run.leaseExpiresAt,
      deadlineAt: run.deadlineAt,
      bundle: await buildBundle(tx, { ...run, startedAt: run.startedAt }),
    };
  });
}

type ClaimedRun = typeof workflowRuns.$inferSelect & { startedAt: Date };

const factsSchema = z.object({
  version: z.int(),
  definition: definitionSchema,
  expires_at: z.date(),
  source: z.enum(["MANUAL", "WEBHOOK", "SCHEDULE", "RETRY", "REPLAY"]),
  trigger_type: z.enum(["WEBHOOK", "SCHEDULE"]).nullable(),
  headers: z.record(z.string(), z.string()).nullable(),
  delivery_id: z.uuid().nullable(),
  received_at: z.date().nullable(),
  scheduled_for: z.date().nullable(),
});

const actionsSchema = z.array(
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
);

async function buildBundle(tx: Transaction, run: ClaimedRun): Promise<Bundle> {
  const facts = await readFacts(tx, run);
  const { definition } = facts;
  const steps = orderSteps(definition.steps);
  const actions = await readActions(
    tx,
    run.tenantId,
    steps.map(({ actionId }) => actionId),
  );
  const baseUrls = await readBaseUrls(
    tx,
    run.tenantId,
    steps.flatMap(({ connectionId }) => connectionId ?? []),
  );
  const done = await tx
    .select({ stepKey: stepRuns.stepKey, output: stepRuns.output })
    .from(stepRuns)
    .where(
      and(eq(stepRuns.tenantId, run.tenantId), eq(stepRuns.workflowRunId, run.id), eq(stepRuns.status, "SUCCEEDED")),
    );
  const open = await insertOpenSteps(tx, run, steps, new Set(done.map(({ stepKey }) => stepKey)));
  return {
    contractVersion: 1,
    run: {
      id: run.id,
      tenantId: run.tenantId,
      workflowId: run.workflowId,
      workflowVersionId: run.workflowVersionId,
      version: facts.version,
      attempt: run.attempt,
      maxAttempts: run.maxAttempts,
      source: facts.source,
      startedAt: run.startedAt.toISOString(),
    },
    trigger:
      facts.trigger_type === null
        ? null
        : {
            type: facts.trigger_type,
            headers: facts.headers ?? {},
            deliveryId: facts.delivery_id,
            receivedAt: facts.received_at?.toISOString() ?? null,
            scheduledFor: facts.scheduled_for?.toISOString() ?? null,
          },
    input: storedJson.parse(run.input),
    output: definition.output,
    steps: steps.flatMap((step, position) => {
      const stepRunId = open.get(step.key);
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
    }),
    completedSteps: done.map(({ stepKey, output }) => ({ stepKey, output: storedJson.parse(output) })),
    logs: { expiresAt: facts.expires_at.toISOString(), linesMax: LOG_LINES_MAX },
    traceparent: run.traceparent,
  };
}

/** What a jsonb column holds is JSON; a claim must not fail over what it holds. */
const storedJson = z.custom<JsonValue | undefined>(() => true).transform((value): JsonValue => value ?? null);

/** A retry carries the trigger of the run it goes back to, over any number of retries; a replay has its delivery itself. */
async function readFacts(tx: Transaction, run: ClaimedRun): Promise<z.infer<typeof factsSchema>> {
  const { rows } = await tx.execute(sql`
    with recursive line as (
      select id, retry_of_run_id, webhook_delivery_id, trigger_id, scheduled_for
        from workflow_runs where tenant_id = ${run.tenantId}::uuid and id = ${run.id}::uuid
      union all
      select r.id, r.retry_of_run_id, r.webhook_delivery_id, r.trigger_id, r.scheduled_for
        from line join workflow_runs r on r.tenant_id = ${run.tenantId}::uuid and r.id = line.retry_of_run_id)
    select v.version, v.definition, now() + make_interval(days => t.log_retention_days) as expires_at, r.source::text as source,
           case when d.id is not null then 'WEBHOOK' when o.scheduled_for is not null then 'SCHEDULE' else tr.type::text end as trigger_type,
           d.headers, d.id as delivery_id, d.received_at, o.scheduled_for
      from workflow_runs r
      join workflow_versions v on v.tenant_id = r.tenant_id and v.id = r.workflow_version_id
      join tenants t on t.id = r.tenant_id
      join line o on o.retry_of_run_id is null
      left join webhook_deliveries d on d.tenant_id = r.tenant_id and d.id = o.webhook_delivery_id
      left join triggers tr on tr.tenant_id = r.tenant_id and tr.id = o.trigger_id
     where r.tenant_id = ${run.tenantId}::uuid and r.id = ${run.id}::uuid`);
  const [row] = rows;
  const dates = (value: unknown): unknown => (typeof value === "string" ? new Date(value) : value);
  return factsSchema.parse({
    ...row,
    expires_at: dates(row?.expires_at),
    received_at: dates(row?.received_at),
    scheduled_for: dates(row?.scheduled_for),
  });
}

async function readActions(tx: Transaction, tenantId: string, ids: readonly string[]) {
  const { rows } = await tx.execute(sql`
    select a.id, a.key, a.timeout_seconds, a.request, p.slug as app, v.version as app_version, v.base_url, v.allowed_hosts, v.auth_type::text as auth_type
      from actions a join app_versions v on v.id = a.app_version_id join apps p on p.id = v.app_id
     where a.id = any(${sql.param([...new Set(ids)])}::uuid[]) and (a.tenant_id is null or a.tenant_id = ${tenantId}::uuid)`);
  return new Map(actionsSchema.parse(rows).map((action) => [action.id, action]));
}

async function readBaseUrls(
  tx: Transaction,
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await tx.execute(sql`
    select id, config ->> 'baseUrl' as base_url from connections
     where tenant_id = ${tenantId}::uuid and id = any(${sql.param([...new Set(ids)])}::uuid[])`);
  const parsed = z.array(z.object({ id: z.uuid(), base_url: z.string().nullable() })).parse(rows);
  return new Map(parsed.flatMap(({ id, base_url }) => (base_url === null ? [] : [[id, base_url] as const])));
}

/** A PENDING row of this attempt for every step without a success in this run. */
async function insertOpenSteps(
  tx: Transaction,
  run: ClaimedRun,
  steps: Definition["steps"],
  done: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const open = steps.flatMap((step, position) =>
    done.has(step.key)
      ? []
      : [
          {
            tenantId: run.tenantId,
            workflowRunId: run.id,
            stepKey: step.key,
            actionId: step.actionId,
            position,
            attempt: run.attempt,
            status: "PENDING" as const,
          },
        ],
  );
  if (open.length === 0) return new Map();
  const rows = await tx.insert(stepRuns).values(open).returning({ id: stepRuns.id, stepKey: stepRuns.stepKey });
  return new Map(rows.map(({ id, stepKey }) => [stepKey, id]));
}
