import { hashToken } from "@control-plane/crypto";
import type { Database } from "@control-plane/db";
import { type RunEvent, runEventSchema, signRunEvents, verifyRunEvents } from "@control-plane/queue";
import type { TestRun, TestWorkflow } from "@control-plane/testkit";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { applyEvents, type Claim, claimRuns } from "../src/index.ts";

export const lease = { leaseSeconds: 60 };

/** An event as a test writes it: the time is added. */
export type Sketch = { seq: number; type: string; at?: string } & Record<string, unknown>;

export function readEvents(sketches: readonly Sketch[]): RunEvent[] {
  const at = new Date().toISOString();
  return sketches.map((sketch) => runEventSchema.parse({ at, ...sketch }));
}

/** A run in the hands of a runner, who can report by either way. */
export async function holdRun(db: Database, workflow: TestWorkflow, options: Parameters<TestWorkflow["run"]>[0] = {}) {
  const run = await workflow.run({ ...options, status: "QUEUED" });
  const claimed = await claimAttempt(db, run, 1);
  const send = (
    events: readonly RunEvent[],
    {
      attempt = 1,
      token = claimed.leaseToken,
      way = "http",
    }: { attempt?: number; token?: string; way?: "http" | "queue" } = {},
  ) => {
    const body = JSON.stringify({ events });
    const signature = signRunEvents(token, body);
    const proof =
      way === "http" ? hashToken(token) : (stored: Buffer): boolean => verifyRunEvents(stored, body, signature);
    return applyEvents(db, { runId: run.id, attempt, events, proof }, lease);
  };
  return {
    run,
    claimed,
    send,
    report: (...sketches: Sketch[]) => send(readEvents(sketches)),
    rows: () => readRows(db, run),
  };
}

/** One claim alone; undefined when it is refused. */
export async function claimRun(db: Database, claim: Claim, settings = lease) {
  const [outcome] = await claimRuns(db, [claim], settings);
  if (outcome?.outcome === "failed") throw outcome.error;
  return outcome?.outcome === "claimed" ? outcome.claimed : undefined;
}

export async function claimAttempt(db: Database, run: TestRun, attempt: number) {
  const claimed = await claimRun(db, { runId: run.id, attempt, runnerId: "test" });
  if (claimed === undefined) throw new Error("the run was not there to claim");
  return claimed;
}

const rowsSchema = z.array(z.object({ row: z.unknown() }));

/** All that events decide about, without what differs from run to run: ids, clock readings, the random part of a delay. */
async function readRows(db: Database, run: TestRun): Promise<{ run: unknown; steps: unknown[]; buffered: unknown[] }> {
  const read = async (query: ReturnType<typeof sql>) => {
    const { rows } = await db.execute(query);
    return rowsSchema.parse(rows).map(({ row }) => row);
  };
  const [row] = await read(sql`
    select to_jsonb(r) - '{id,created_at,updated_at,started_at,finished_at,queued_at,run_at,deadline_at,cancel_requested_at,lease_token_hash,lease_expires_at,change_seq}'::text[]
           || jsonb_build_object('finished', finished_at is not null, 'held', lease_expires_at is not null) as row
      from workflow_runs r where id = ${run.id}`);
  const steps = await read(sql`
    select to_jsonb(s) - '{id,workflow_run_id,created_at,updated_at,started_at,finished_at}'::text[]
           || jsonb_build_object('started', s.started_at - r.started_at,
                                 'finished', case when s.finished_at < now() - interval '1 minute' then s.finished_at - r.started_at end,
                                 'ended', s.finished_at is not null) as row
      from step_runs s join workflow_runs r on r.id = s.workflow_run_id
     where s.workflow_run_id = ${run.id} order by s.position, s.attempt`);
  const buffered = await read(
    sql`select event as row from internal.run_event_buffer where workflow_run_id = ${run.id} order by seq`,
  );
  return { run: row, steps, buffered };
}
