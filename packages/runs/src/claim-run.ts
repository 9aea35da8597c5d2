import { newToken } from "@control-plane/crypto";
import { type Database, repeatOnConflict } from "@control-plane/db";
import type { Bundle } from "@control-plane/queue";
import { z } from "zod";
import { orderSteps } from "./definition/step-order.ts";
import type { LeaseSettings } from "./lease-settings.ts";
import { buildBundle, readClaimable } from "./run-bundle.ts";

export type Claim = { runId: string; attempt: number; runnerId: string };
export type Claimed = { leaseToken: string; leaseExpiresAt: Date; deadlineAt: Date; bundle: Bundle };

/**
 * Gives one attempt to one runner: one conditional update takes it from QUEUED to RUNNING and makes its open steps, so of
 * any number of claims exactly one gets it. Undefined for every other: too late, unknown, or not this attempt.
 */
export async function claimRun(db: Database, claim: Claim, lease: LeaseSettings): Promise<Claimed | undefined> {
  const facts = await readClaimable(db, claim);
  if (facts === undefined) return undefined;
  const token = newToken("lt_");
  const steps = orderSteps(facts.definition.steps);
  const done = new Set(facts.done.map(({ stepKey }) => stepKey));
  const open = steps.flatMap((step, position) => (done.has(step.key) ? [] : [{ ...step, position }]));
  const { rows } = await repeatOnConflict(() =>
    db.$client.query({
      name: "claim",
      text: CLAIM,
      values: [
        claim.runId,
        claim.attempt,
        token.hash,
        lease.leaseSeconds,
        claim.runnerId,
        facts.definition.timeoutSeconds,
        open.map(({ key }) => key),
        open.map(({ actionId }) => actionId),
        open.map(({ position }) => position),
      ],
    }),
  );
  const [run] = claimedSchema.parse(rows);
  if (run === undefined) return undefined;
  return {
    leaseToken: token.token,
    leaseExpiresAt: run.lease_expires_at,
    deadlineAt: run.deadline_at,
    bundle: buildBundle(facts, {
      id: claim.runId,
      attempt: claim.attempt,
      startedAt: run.started_at,
      steps,
      open: new Map(Object.entries(run.opened)),
    }),
  };
}

const claimedSchema = z.array(
  z.object({
    lease_expires_at: z.date(),
    started_at: z.date(),
    deadline_at: z.date(),
    opened: z.record(z.string(), z.uuid()),
  }),
);

/** Not by moveRun: nobody holds the row, and the condition of this update is what decides between claims. */
const CLAIM = `
with claimed as (
  update workflow_runs set
         status = 'RUNNING',
         lease_token_hash = $3,
         lease_expires_at = now() + make_interval(secs => $4),
         runner_id = $5,
         last_event_seq = 0,
         event_buffer_bytes = 0,
         started_at = coalesce(started_at, now()),
         deadline_at = case when started_at is null then now() + make_interval(secs => $6) else deadline_at end
   where id = $1 and attempt = $2 and status = 'QUEUED' and deadline_at > now()
  returning id, tenant_id, attempt, lease_expires_at, started_at, deadline_at),
opened as (
  insert into step_runs (tenant_id, workflow_run_id, step_key, action_id, position, attempt, status)
  select c.tenant_id, c.id, s.step_key, s.action_id, s.position, c.attempt, 'PENDING'
    from claimed c cross join unnest($7::text[], $8::uuid[], $9::int[]) as s (step_key, action_id, position)
  returning id, step_key)
select lease_expires_at, started_at, deadline_at,
       (select coalesce(jsonb_object_agg(step_key, id), '{}') from opened) as opened
  from claimed`;
