import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hashToken, newToken } from "@control-plane/crypto";
import { deadLetters, runEventBuffer, stepRuns, workflowRuns } from "@control-plane/db";
import { eventsRequestSchema, type RunEvent, signRunEvents, verifyRunEvents } from "@control-plane/queue";
import { type TestDatabase, test, type World } from "@control-plane/testkit";
import { and, asc, eq, isNull, sql } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { z } from "zod";
import { applyEvents, cancelRun, extendLease, queueRuns, sweepRuns } from "../src/index.ts";
import { claimRun } from "./held-run.ts";

const file = join(import.meta.dirname, "../../testkit/vectors/run-event-histories.json");

const eventSchema = z.looseObject({ seq: z.int(), type: z.string() });
const expectSchema = z.object({
  run: z.object({
    status: z.string(),
    attempt: z.int(),
    finished: z.boolean(),
    leaseHeld: z.boolean(),
    errorCode: z.string().nullish(),
    output: z.unknown().optional(),
    lastEventSeq: z.int().optional(),
    runAtSecondsFromNow: z.tuple([z.number(), z.number()]).optional(),
  }),
  steps: z.array(
    z.object({
      stepKey: z.string(),
      attempt: z.int(),
      status: z.string(),
      output: z.unknown().optional(),
      errorCode: z.string().optional(),
    }),
  ),
  bufferedEvents: z.int(),
  deadLetters: z.array(z.object({ kind: z.string() })),
});
const workflowSchema = z.object({
  steps: z.array(z.string()),
  maxAttempts: z.int(),
  retry: z.object({ initialDelaySeconds: z.number(), factor: z.number(), maxDelaySeconds: z.number() }),
  copiedSteps: z.array(z.object({ stepKey: z.string(), output: z.unknown().optional() })).optional(),
  inputValid: z.boolean().optional(),
});
const actionSchema = z.looseObject({
  do: z.string(),
  attempt: z.int().optional(),
  as: z.string().optional(),
  via: z.string().optional(),
  signature: z.string().optional(),
  inputValid: z.boolean().optional(),
  events: z.array(eventSchema).optional(),
  reply: z.record(z.string(), z.unknown()).optional(),
});
const historiesSchema = z.object({
  histories: z.array(
    z.object({ id: z.string(), workflow: workflowSchema, actions: z.array(actionSchema), expect: expectSchema }),
  ),
  permutations: z.array(
    z.object({
      id: z.string(),
      workflow: workflowSchema,
      before: z.array(actionSchema),
      events: z.array(eventSchema),
      expect: expectSchema,
    }),
  ),
});
type Workflow = z.infer<typeof workflowSchema>;
type Action = z.infer<typeof actionSchema>;
type Expectation = z.infer<typeof expectSchema>;

const vectors = historiesSchema.parse(JSON.parse(readFileSync(file, "utf8")));
const lease = { leaseSeconds: 60 };
const sweepSettings = { cancelGraceSeconds: 30, batch: 100 };

type Fixtures = { db: TestDatabase; world: World };

/** One run and everything that can happen to it. */
async function playground({ db: { db }, world }: Fixtures, workflow: Workflow) {
  const tenant = await world.tenant();
  const owner = await tenant.user("owner");
  const made = await tenant.workflow({
    steps: workflow.steps.map((key) => ({ key, action: "core.echo" })),
    retry: { maxAttempts: workflow.maxAttempts, ...workflow.retry },
    inputSchema: { type: "object", required: ["ok"] },
  });
  const invalid = workflow.inputValid === false;
  const run = await made.run({
    maxAttempts: workflow.maxAttempts,
    source: "WEBHOOK",
    input: invalid ? {} : { ok: true },
  });
  const tokens = new Map<string, string>([["FORGED", newToken("lt_").token]]);
  const own = and(eq(workflowRuns.tenantId, tenant.id), eq(workflowRuns.id, run.id));
  // A terminal row is frozen, so time cannot be moved on it; nothing there depends on it either.
  const alive = and(own, isNull(workflowRuns.finishedAt));
  const row = async () => {
    const [found] = await db.select().from(workflowRuns).where(own);
    if (found === undefined) throw new Error("the run is gone");
    return found;
  };
  for (const copied of workflow.copiedSteps ?? []) {
    const { rows } = await db.execute(sql`select id from actions where key = 'echo' limit 1`);
    await db.insert(stepRuns).values({
      tenantId: tenant.id,
      workflowRunId: run.id,
      stepKey: copied.stepKey,
      actionId: z.uuid().parse(rows[0]?.["id"]),
      position: 0,
      attempt: 0,
      status: "SUCCEEDED",
      output: copied.output,
      startedAt: new Date(),
      finishedAt: new Date(),
    });
  }

  const send = async (action: Action) => {
    const events = eventsRequestSchema.shape.events.parse(
      (action.events ?? []).map((event) => ({ at: new Date().toISOString(), ...event })),
    );
    return apply(events, action);
  };
  const apply = async (events: readonly RunEvent[], action: Pick<Action, "as" | "attempt" | "via" | "signature">) => {
    const token = tokens.get(action.as ?? "") ?? "";
    const body = JSON.stringify({ events });
    const signature = action.signature === "wrong" ? "0".repeat(64) : signRunEvents(token, body);
    const proof =
      action.via === "queue" ? (stored: Buffer) => verifyRunEvents(stored, body, signature) : hashToken(token);
    return applyEvents(db, { runId: run.id, attempt: action.attempt ?? 0, events, proof }, lease);
  };
  let unverified = 0;
  const act = async (action: Action): Promise<Record<string, unknown>> => {
    switch (action.do) {
      case "dispatch": {
        if (action.inputValid === false)
          await db.execute(sql`update workflow_runs set input = '{}' where id = ${run.id}`);
        const before = (await row()).status;
        await queueRuns(db, 200);
        const { status } = await row();
        return status === before ? { skipped: true, status } : { status };
      }
      case "claim": {
        const claimed = await claimRun(db, { runId: run.id, attempt: action.attempt ?? 0, runnerId: "runner" }, lease);
        if (claimed === undefined) return { http: 409, code: "STALE_ATTEMPT" };
        if (action.as !== undefined) tokens.set(action.as, claimed.leaseToken);
        return { http: 200, completedSteps: claimed.bundle.completedSteps.map(({ stepKey }) => stepKey) };
      }
      case "heartbeat": {
        const beat = await extendLease(
          db,
          { runId: run.id, attempt: action.attempt ?? 0, leaseTokenHash: hashToken(tokens.get(action.as ?? "") ?? "") },
          lease,
        );
        return beat === undefined
          ? { http: 409, code: "STALE_ATTEMPT" }
          : { http: 200, appliedSeq: beat.appliedSeq, cancelRequested: beat.cancelRequested };
      }
      case "events": {
        const result = await send(action);
        if (action.via === "queue") {
          if (result.outcome === "unproven") unverified += 1;
          return result.outcome === "applied"
            ? { applied: true }
            : { dropped: true, ...(result.outcome === "unproven" ? { deadLetter: true } : {}) };
        }
        if (result.outcome === "applied")
          return {
            http: 200,
            appliedSeq: result.appliedSeq,
            status: result.status,
            cancelRequested: result.cancelRequested,
          };
        return result.outcome === "invalid"
          ? { http: 422, code: "EVENT_INVALID" }
          : { http: 409, code: "STALE_ATTEMPT" };
      }
      case "cancel":
        return cancelRun(db, { userId: owner.id, tenantId: tenant.id, role: "owner", requestId: "r" }, run.id);
      case "lapse-lease":
        await db.update(workflowRuns).set({ leaseExpiresAt: sql`now() - interval '1 s'` }).where(alive);
        return {};
      case "pass-deadline":
        await db.update(workflowRuns).set({ deadlineAt: sql`now() - interval '1 s'` }).where(alive);
        return {};
      case "pass-cancel-grace":
        await db.update(workflowRuns).set({ cancelRequestedAt: sql`now() - interval '31 s'` }).where(alive);
        return {};
      case "pass-backoff":
        await db.update(workflowRuns).set({ runAt: sql`now() - interval '1 s'` }).where(alive);
        return {};
      case "sweep":
        await sweepRuns(db, sweepSettings);
        return { status: (await row()).status };
      default:
        throw new Error(`unknown action ${action.do}`);
    }
  };
  const outcome = async (expected: Expectation) => {
    const found = await row();
    const steps = await db
      .select()
      .from(stepRuns)
      .where(and(eq(stepRuns.tenantId, tenant.id), eq(stepRuns.workflowRunId, run.id)))
      .orderBy(asc(stepRuns.position), asc(stepRuns.attempt));
    const buffered = await db.select().from(runEventBuffer).where(eq(runEventBuffer.workflowRunId, run.id));
    const letters = await db.select().from(deadLetters).where(eq(deadLetters.referenceId, run.id));
    const kinds = [
      ...letters.map(({ kind }) => ({ kind })),
      ...Array.from({ length: unverified }, () => ({ kind: "RUN_EVENT" })),
    ];
    expect(found.status).toBe(expected.run.status);
    expect(found.attempt).toBe(expected.run.attempt);
    expect(found.finishedAt !== null).toBe(expected.run.finished);
    expect(found.leaseExpiresAt !== null).toBe(expected.run.leaseHeld);
    if (["SUCCEEDED", "FAILED", "TIMED_OUT"].includes(expected.run.status))
      expect(codeOf(found.error)).toBe(expected.run.errorCode ?? null);
    if (expected.run.output !== undefined) expect(found.output).toEqual(expected.run.output);
    if (expected.run.lastEventSeq !== undefined) expect(found.lastEventSeq).toBe(expected.run.lastEventSeq);
    if (expected.run.runAtSecondsFromNow !== undefined) {
      const [from, to] = expected.run.runAtSecondsFromNow;
      const { rows } = await db.execute(
        sql`select extract(epoch from run_at - updated_at)::float8 as seconds from workflow_runs where id = ${run.id}`,
      );
      expect(Number(rows[0]?.["seconds"])).toBeGreaterThanOrEqual(from);
      expect(Number(rows[0]?.["seconds"])).toBeLessThanOrEqual(to);
    }
    expect(steps.map(({ stepKey, attempt, status }) => ({ stepKey, attempt, status }))).toEqual(
      expected.steps.map(({ stepKey, attempt, status }) => ({ stepKey, attempt, status })),
    );
    for (const [index, step] of expected.steps.entries()) {
      if (step.output !== undefined) expect(steps[index]?.output).toEqual(step.output);
      if (step.errorCode !== undefined) expect(codeOf(steps[index]?.error)).toBe(step.errorCode);
    }
    expect(buffered).toHaveLength(expected.bufferedEvents);
    expect(kinds).toEqual(expected.deadLetters);
  };
  return { act, apply, outcome, db };
}

function codeOf(error: unknown): string | null {
  return z.object({ code: z.string() }).safeParse(error).data?.code ?? null;
}

describe("histories of one run", () => {
  test("there are histories to play", () => {
    expect(Math.min(vectors.histories.length, vectors.permutations.length)).toBeGreaterThan(0);
  });

  test.for(vectors.histories.map((history) => [history.id, history] as const))(
    "%s",
    async ([, history], { db, world }) => {
      const input = history.actions.some(({ inputValid }) => inputValid === false)
        ? { ...history.workflow, inputValid: false }
        : history.workflow;
      const { act, outcome } = await playground({ db, world }, input);

      for (const action of history.actions) {
        const { inputValid, ...plain } = action;
        expect(await act(plain)).toMatchObject(action.reply ?? {});
      }

      await outcome(history.expect);
    },
  );

  test.for(vectors.permutations.map((item) => [item.id, item] as const))(
    "%s in any order, split and repeated",
    async ([, item], { db, world }) => {
      const numbered = item.events.map((_event, index) => index);
      const variant = fc.record({
        order: fc.shuffledSubarray(numbered, { minLength: numbered.length }),
        repeats: fc.array(fc.nat({ max: numbered.length - 1 }), { maxLength: 3 }),
        cuts: fc.array(fc.boolean(), { minLength: numbered.length + 3, maxLength: numbered.length + 3 }),
      });
      const samples = fc.sample(variant, { numRuns: 25, seed: 20_261_124 });
      const events = eventsRequestSchema.shape.events.parse(
        item.events.map((event) => ({ at: new Date().toISOString(), ...event })),
      );

      for (const { order, repeats, cuts } of samples) {
        const { act, apply, outcome } = await playground({ db, world }, item.workflow);
        for (const action of item.before) await act(action);
        let batch: RunEvent[] = [];
        const sequence = [...order, ...repeats];
        for (const [place, index] of sequence.entries()) {
          const event = events[index];
          if (event !== undefined) batch.push(event);
          if (cuts[place] === true || place === sequence.length - 1) {
            await apply(batch, { as: "A1", attempt: 1, via: "http" });
            batch = [];
          }
        }
        await outcome(item.expect);
      }
    },
  );
});
