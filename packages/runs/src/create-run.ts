import { type Database, inTransaction, memberActor, type Transaction, workflowRuns } from "@control-plane/db";
import { type JsonValue, jsonValueSchema } from "@control-plane/queue/json-value";
import { VALUE_BYTES_MAX } from "@control-plane/queue/runner-api";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { and, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { readSchema } from "./definition/json-schema.ts";
import { validateValue } from "./definition/validate-value.ts";
import type { RunStatus } from "./lifecycle.ts";
import { attemptsOf, queueDeadline } from "./run-defaults.ts";
import { storageProblemOfText } from "./storable-json.ts";

export type ManualRun = {
  workflowId: string;
  /** Undefined = the latest. */
  version: number | undefined;
  input: JsonValue;
  idempotencyKey: string | undefined;
  traceparent: string | undefined;
};
export type CreatedRun = { runId: string; status: RunStatus; deduplicated: boolean };

const outcomeSchema = z.object({
  workflow_found: z.boolean(),
  archived: z.boolean().nullable(),
  version_id: z.uuid().nullable(),
  input_schema: jsonValueSchema,
  run_id: z.uuid().nullable(),
});

/**
 * Starts a run by hand. One statement picks the version and inserts the run pinned to it, so no run ever records another
 * version than it executes.
 * Throws `NOT_FOUND` (workflow, or a version number that is not published), `WORKFLOW_NOT_PUBLISHED` (none latest, or
 * archived), `INPUT_INVALID` with issues, `PAYLOAD_TOO_LARGE`, `IDEMPOTENCY_KEY_REUSED`.
 */
export async function createManualRun(db: Database, caller: Caller, run: ManualRun): Promise<CreatedRun> {
  const input = JSON.stringify(run.input);
  if (Buffer.byteLength(input) > VALUE_BYTES_MAX)
    throw new AppError("PAYLOAD_TOO_LARGE", "the input is larger than 1 MiB");
  const problem = storageProblemOfText(input);
  if (problem !== undefined) throw new AppError("BAD_INPUT", `the input ${problem}`);
  return inTransaction(db, memberActor("orchestrator", caller), async (tx) => {
    const outcome = await insertRun(tx, caller, run, input);
    if (outcome?.run_id != null) {
      // Thrown inside the transaction: the row that was inserted goes again.
      refuseInvalidInput(outcome.input_schema, run.input);
      return { runId: outcome.run_id, status: "PENDING", deduplicated: false };
    }
    const first = run.idempotencyKey === undefined ? undefined : await findFirst(tx, caller.tenantId, run, input);
    if (first !== undefined) return first;
    if (outcome === undefined) throw new AppError("NOT_FOUND", "there is no such workflow");
    if (outcome.archived === true || run.version === undefined)
      throw new AppError("WORKFLOW_NOT_PUBLISHED", "the workflow has no version that can run");
    throw new AppError("NOT_FOUND", "there is no such published version");
  });
}

async function insertRun(
  tx: Transaction,
  caller: Caller,
  run: ManualRun,
  input: string,
): Promise<z.infer<typeof outcomeSchema> | undefined> {
  const { rows } = await tx.execute(sql`
    with target as (
      select w.id as workflow_id, w.archived_at, v.id as version_id, v.definition
        from workflows w
        left join workflow_versions v
          on v.tenant_id = w.tenant_id and v.workflow_id = w.id
         and case when ${run.version ?? null}::int is null then v.is_latest
                  else v.version = ${run.version ?? null}::int and v.published_at is not null end
       where w.tenant_id = ${caller.tenantId}::uuid and w.id = ${run.workflowId}::uuid),
    inserted as (
      insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, idempotency_key, input, max_attempts,
                                 run_at, deadline_at, traceparent, created_by)
      select ${caller.tenantId}::uuid, workflow_id, version_id, 'MANUAL', ${run.idempotencyKey ?? null}::text, ${input}::jsonb,
             ${attemptsOf(sql`definition`)}, now(), ${queueDeadline()},
             ${run.traceparent ?? null}::text, ${caller.userId}::uuid
        from target where version_id is not null and archived_at is null
      on conflict (tenant_id, workflow_id, idempotency_key) where idempotency_key is not null do nothing
      returning id)
    select true as workflow_found, target.archived_at is not null as archived, target.version_id,
           target.definition -> 'inputSchema' as input_schema, inserted.id as run_id
      from target left join inserted on true`);
  return outcomeSchema.optional().parse(rows[0]);
}

function refuseInvalidInput(inputSchema: JsonValue, input: JsonValue): void {
  if (inputSchema === null) return;
  const schema = readSchema(inputSchema);
  if (schema === undefined) throw new Error("a published version has an inputSchema that cannot be read");
  const issues = validateValue(schema, input);
  if (issues.length > 0)
    throw new AppError("INPUT_INVALID", "the input does not fit the workflow's inputSchema", { details: { issues } });
}

/** The run an idempotency key already made: the same call again, or a key that was used for another one. */
async function findFirst(
  tx: Transaction,
  tenantId: string,
  run: ManualRun,
  input: string,
): Promise<CreatedRun | undefined> {
  const [first] = await tx
    .select({
      runId: workflowRuns.id,
      status: workflowRuns.status,
      sameInput: sql<boolean>`${workflowRuns.input} = ${input}::jsonb`,
      version: sql<number>`(select v.version from workflow_versions v where v.tenant_id = ${workflowRuns.tenantId} and v.id = ${workflowRuns.workflowVersionId})`,
    })
    .from(workflowRuns)
    .where(
      and(
        eq(workflowRuns.tenantId, tenantId),
        eq(workflowRuns.workflowId, run.workflowId),
        eq(workflowRuns.idempotencyKey, run.idempotencyKey ?? ""),
      ),
    );
  if (first === undefined) return undefined;
  if (!first.sameInput || (run.version !== undefined && run.version !== first.version)) {
    throw new AppError("IDEMPOTENCY_KEY_REUSED", "the idempotency key was used for another call");
  }
  return { runId: first.runId, status: first.status, deduplicated: true };
}
