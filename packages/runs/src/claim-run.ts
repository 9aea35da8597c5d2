import { newToken } from "@control-plane/crypto";
import { type Database, isDataError, repeatOnConflict, sqlState } from "@control-plane/db";
import type { Bundle } from "@control-plane/queue/runner-api";
import { z } from "zod";
import { orderSteps } from "./definition/step-order.ts";
import type { LeaseSettings } from "./lease-settings.ts";
import { buildBundle, type Claimable, readClaimables } from "./run-bundle.ts";

export type Claim = { runId: string; attempt: number; runnerId: string };
export type Claimed = { leaseToken: string; leaseExpiresAt: Date; deadlineAt: Date; bundle: Bundle };

export type ClaimOutcome =
  | { outcome: "claimed"; claimed: Claimed }
  /** Too late, unknown, or not this attempt. */
  | { outcome: "refused" }
  /** What the run needs cannot be read, or PostgreSQL did not take the claim. */
  | { outcome: "failed"; error: unknown };

/**
 * Gives attempts to runners, many in one statement: one conditional update takes each from QUEUED to RUNNING and makes its
 * open steps, so of any number of claims exactly one gets it. Outcomes come in the order of the input.
 */
export async function claimRuns(db: Database, claims: readonly Claim[], lease: LeaseSettings): Promise<ClaimOutcome[]> {
  const facts = await readClaimables(db, claims);
  const ready = claims.flatMap((claim, index) => {
    const known = facts[index];
    return known === undefined || known instanceof Error ? [] : [prepareClaim(claim, known)];
  });
  const taken = new Map<Claim, ClaimOutcome>();
  if (ready.length > 0)
    for (const [index, outcome] of (await takeApart(db, ready, lease)).entries()) {
      const claim = ready[index]?.claim;
      if (claim !== undefined) taken.set(claim, outcome);
    }
  return claims.map((claim, index) => {
    const known = facts[index];
    return known instanceof Error ? { outcome: "failed", error: known } : (taken.get(claim) ?? { outcome: "refused" });
  });
}

type ReadyClaim = ReturnType<typeof prepareClaim>;

function prepareClaim(claim: Claim, facts: Claimable) {
  const steps = orderSteps(facts.definition.steps);
  const done = new Set(facts.done.map(({ stepKey }) => stepKey));
  const open = steps.flatMap((step, position) => (done.has(step.key) ? [] : [{ ...step, position }]));
  return { claim, facts, steps, open, token: newToken("lt_") };
}

/** One run that PostgreSQL refuses must not cost the others: then each goes alone, and what was given stays given. */
async function takeApart(db: Database, ready: readonly ReadyClaim[], lease: LeaseSettings): Promise<ClaimOutcome[]> {
  try {
    return await take(db, ready, lease);
  } catch (error) {
    if (ready.length === 1 || !(isDataError(error) || isRefusedByKey(error))) throw error;
  }
  const failed = (error: unknown): ClaimOutcome[] => [{ outcome: "failed", error }];
  const outcomes: ClaimOutcome[] = [];
  for (const claim of ready) outcomes.push(...(await take(db, [claim], lease).catch(failed)));
  return outcomes;
}

/** Class 23: an action that is there no more, or a limit of a column. */
function isRefusedByKey(error: unknown): boolean {
  return sqlState(error)?.startsWith("23") === true;
}

async function take(db: Database, ready: readonly ReadyClaim[], lease: LeaseSettings): Promise<ClaimOutcome[]> {
  const opened = ready.flatMap(({ open }, index) => open.map((step) => ({ ...step, place: index + 1 })));
  const { rows } = await repeatOnConflict(() =>
    db.$client.query({
      name: "claim",
      text: CLAIM,
      values: [
        ready.map(({ claim }) => claim.runId),
        ready.map(({ claim }) => claim.attempt),
        ready.map(({ token }) => token.hash),
        ready.map(({ claim }) => claim.runnerId),
        ready.map(({ facts }) => facts.definition.timeoutSeconds),
        lease.leaseSeconds,
        opened.map(({ place }) => place),
        opened.map(({ key }) => key),
        opened.map(({ actionId }) => actionId),
        opened.map(({ position }) => position),
      ],
    }),
  );
  const runs = new Map(claimedSchema.parse(rows).map((run) => [run.place, run]));
  return ready.map(({ claim, facts, steps, token }, index) => {
    const run = runs.get(index + 1);
    if (run === undefined) return { outcome: "refused" };
    const bundle = buildBundle(facts, {
      id: claim.runId,
      attempt: claim.attempt,
      startedAt: run.started_at,
      steps,
      open: new Map(Object.entries(run.opened)),
    });
    const { lease_expires_at: leaseExpiresAt, deadline_at: deadlineAt } = run;
    return { outcome: "claimed", claimed: { leaseToken: token.token, leaseExpiresAt, deadlineAt, bundle } };
  });
}

const claimedSchema = z.array(
  z.object({
    place: z.coerce.number(),
    lease_expires_at: z.date(),
    started_at: z.date(),
    deadline_at: z.date(),
    opened: z.record(z.string(), z.uuid()),
  }),
);

/**
 * Not by moveRun: nobody holds the row, and the condition of this update is what decides between claims; of two for one
 * run in one statement, too. Written so that no index but the primary key fits, whatever is known of the table: see
 * CLAIMABLE.
 */
const CLAIM = `
with want as (
  select * from unnest($1::uuid[], $2::int[], $3::bytea[], $4::text[], $5::int[])
    with ordinality as w (run_id, attempt, token_hash, runner_id, timeout_seconds, place)),
step as (
  select * from unnest($7::int[], $8::text[], $9::uuid[], $10::int[]) as s (place, step_key, action_id, position)),
claimed as (
  update workflow_runs r set
         status = 'RUNNING',
         lease_token_hash = w.token_hash,
         lease_expires_at = now() + make_interval(secs => $6),
         runner_id = w.runner_id,
         last_event_seq = 0,
         event_buffer_bytes = 0,
         started_at = coalesce(r.started_at, now()),
         deadline_at = case when r.started_at is null then now() + make_interval(secs => w.timeout_seconds) else r.deadline_at end
    from want w
   where r.id = any($1) and r.id = w.run_id and r.attempt = w.attempt and (r.status = 'QUEUED') is true and r.deadline_at > now()
  returning w.place, r.id, r.tenant_id, r.attempt, r.lease_expires_at, r.started_at, r.deadline_at),
opened as (
  insert into step_runs (tenant_id, workflow_run_id, step_key, action_id, position, attempt, status)
  select c.tenant_id, c.id, s.step_key, s.action_id, s.position, c.attempt, 'PENDING'
    from claimed c join step s on s.place = c.place
  returning id, workflow_run_id, step_key)
select c.place, c.lease_expires_at, c.started_at, c.deadline_at,
       (select coalesce(jsonb_object_agg(o.step_key, o.id), '{}') from opened o where o.workflow_run_id = c.id) as opened
  from claimed c`;
