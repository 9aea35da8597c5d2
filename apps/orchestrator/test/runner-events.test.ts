import { randomUUID } from "node:crypto";
import { eventsReplySchema } from "@control-plane/queue";
import type { Attempt, RunnerEvent, TestDatabase, TestRun } from "@control-plane/testkit";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { cancelRun } from "../src/actions/cancel-run.ts";
import { sweepPass } from "../src/loops/sweep.ts";
import { test as base, callRunner, cutPostgres, RUNNER_TOKEN, type Service } from "./service.ts";

const MIB = 1_048_576;
const AT = "2026-01-01T00:00:00.000Z";
const STALE = { outcome: "refused", status: 409, code: "STALE_ATTEMPT" };
const FATAL = { code: "BAD_ANSWER", message: "the server made no sense", retryable: false };
const AWAY = { code: "AWAY", message: "try later", retryable: true };

/** A run of the steps a to e, claimed. */
const test = base.extend("held", async ({ world, runner }) => {
  const tenant = await world.tenant();
  const workflow = await tenant.workflow({ steps: ["a", "b", "c", "d", "e"].map((key) => ({ key })) });
  const run = await workflow.run({ status: "QUEUED" });
  return { tenant, workflow, run, attempt: await runner.claim(run.id) };
});

const stateOf = async (run: TestRun) => [await run.row(), await run.steps()];

const statusesOf = async (run: TestRun) =>
  Object.fromEntries((await run.steps()).map(({ stepKey, status }) => [stepKey, status]));

async function countBuffered(db: TestDatabase): Promise<number> {
  const { rowCount } = await db.pool.query("select 1 from internal.run_event_buffer");
  return rowCount ?? 0;
}

const succeeded = (stepKey: string): RunnerEvent => ({ type: "step.succeeded", stepKey, output: { of: stepKey } });

/** A batch exactly as given. */
const send = (service: Service, attempt: Attempt, events: unknown, over: Record<string, unknown> = {}) =>
  callRunner(service, attempt.lease.runId, "events", attempt.lease.leaseToken, {
    contractVersion: 1,
    attempt: attempt.lease.attempt,
    events,
    ...over,
  });

describe("steps", () => {
  test("every step event has its effect, and the reply is as the contract says", async ({ held, service }) => {
    const { run, attempt } = held;

    const reply = await send(
      service,
      attempt,
      attempt.number(
        { type: "step.started", stepKey: "a", input: { n: 1 } },
        { type: "step.succeeded", stepKey: "a", output: [1, "two", null] },
        { type: "step.succeeded", stepKey: "b", output: null },
        { type: "step.failed", stepKey: "c", error: FATAL },
        { type: "step.failed", stepKey: "d", error: { ...AWAY, code: "STEP_TIMEOUT" } },
        { type: "step.skipped", stepKey: "e" },
      ),
    );

    expect(reply.status).toBe(200);
    const row = await run.row();
    expect(eventsReplySchema.parse(reply.body)).toEqual({
      appliedSeq: 6,
      status: "RUNNING",
      cancelRequested: false,
      leaseExpiresAt: row.leaseExpiresAt?.toISOString(),
    });
    expect(row).toMatchObject({ status: "RUNNING", lastEventSeq: 6, finishedAt: null });
    expect(await run.steps()).toMatchObject([
      { stepKey: "a", status: "SUCCEEDED", input: { n: 1 }, output: [1, "two", null], error: null },
      { stepKey: "b", status: "SUCCEEDED", error: null },
      { stepKey: "c", status: "FAILED", error: FATAL, output: null },
      { stepKey: "d", status: "TIMED_OUT", error: { code: "STEP_TIMEOUT" } },
      { stepKey: "e", status: "SKIPPED", error: null },
    ]);
  });

  test("a started step is RUNNING, and a null output is JSON null", async ({ db, held }) => {
    await held.attempt.send(
      { type: "step.started", stepKey: "a" },
      { type: "step.started", stepKey: "b", input: null },
      { type: "step.succeeded", stepKey: "c", output: null },
    );

    const { rows } = await db.pool.query(
      "select step_key as key, status, input = 'null'::jsonb as input, output = 'null'::jsonb as output from step_runs where step_key < 'd' order by 1",
    );
    expect(rows).toMatchObject([
      { key: "a", status: "RUNNING", output: null },
      { key: "b", status: "RUNNING", input: true, output: null },
      { key: "c", status: "SUCCEEDED", output: true },
    ]);
  });

  test("what is over stays as it is, while the number counts", async ({ held }) => {
    const { run, attempt } = held;
    await attempt.send(succeeded("a"), { type: "step.failed", stepKey: "b", error: FATAL });
    const before = await run.steps();

    const reply = await attempt.send(
      { type: "step.started", stepKey: "a" },
      { type: "step.failed", stepKey: "a", error: FATAL },
      { type: "step.succeeded", stepKey: "b", output: "late" },
      { type: "step.skipped", stepKey: "b" },
    );

    expect(reply).toMatchObject({ appliedSeq: 6 });
    expect(await run.steps()).toEqual(before);
  });

  test("times are the runner's, held between the run's start and now", async ({ db, held }) => {
    const { attempt } = held;
    const [past, future, startedLate, endedEarly] = attempt.number(
      { type: "step.started", stepKey: "a" },
      { type: "step.succeeded", stepKey: "a", output: 1 },
      { type: "step.started", stepKey: "b" },
      { type: "step.succeeded", stepKey: "b", output: 1 },
    );
    if (past === undefined || future === undefined || startedLate === undefined || endedEarly === undefined) return;

    await attempt.sendNumbered([
      { ...past, at: "1999-01-01T00:00:00Z" },
      { ...future, at: "2199-01-01T00:00:00+14:00" },
      { ...startedLate, at: "9999-12-31T23:59:59.999999-15:59" },
      { ...endedEarly, at: "0001-01-01T00:00:00Z" },
    ]);

    const { rows } = await db.pool.query(
      `select step_key as key, s.started_at = r.started_at as from_start,
              s.finished_at = r.started_at as ended_at_start,
              s.finished_at = r.updated_at as ended_now, s.started_at = r.updated_at as from_now
         from step_runs s join workflow_runs r on r.id = s.workflow_run_id where step_key < 'c' order by 1`,
    );
    expect(rows).toEqual([
      { key: "a", from_start: true, ended_at_start: false, ended_now: true, from_now: false },
      { key: "b", from_start: false, ended_at_start: true, ended_now: false, from_now: true },
    ]);
  });
});

describe("the end", () => {
  test("run.succeeded ends the run, closes its steps, drops the lease and wakes the dispatcher", async ({
    held,
    service,
  }) => {
    const { run, attempt } = held;

    const reply = await attempt.send(
      succeeded("a"),
      { type: "step.started", stepKey: "b" },
      { type: "run.succeeded", output: { done: true } },
    );

    expect(reply).toMatchObject({ appliedSeq: 3, status: "SUCCEEDED", cancelRequested: false, leaseExpiresAt: null });
    expect(await run.row()).toMatchObject({
      status: "SUCCEEDED",
      output: { done: true },
      error: null,
      leaseExpiresAt: null,
      finishedAt: expect.any(Date),
    });
    expect(await statusesOf(run)).toEqual({ a: "SUCCEEDED", b: "FAILED", c: "SKIPPED", d: "SKIPPED", e: "SKIPPED" });
    expect((await run.steps())[1]?.error).toMatchObject({ code: "NOT_REPORTED" });
    expect(service.wakes()).toBe(1);
  });

  test("run.failed without hope ends the run though attempts are left", async ({ held, service }) => {
    const { run, attempt } = held;

    const reply = await attempt.send({ type: "run.failed", error: { ...FATAL, stepKey: "a" } });

    expect(reply).toMatchObject({ status: "FAILED", leaseExpiresAt: null });
    expect(await run.row()).toMatchObject({ status: "FAILED", attempt: 1, error: { ...FATAL, stepKey: "a" } });
    expect(new Set(Object.values(await statusesOf(run)))).toEqual(new Set(["SKIPPED"]));
    expect(service.wakes()).toBe(1);
  });

  test("run.failed with hope waits for the next attempt as long as it asked, give or take a fifth", async ({
    db,
    held,
  }) => {
    const { run, attempt } = held;

    const reply = await attempt.send(
      { type: "step.started", stepKey: "a" },
      { type: "run.failed", error: { ...AWAY, retryAfterSeconds: 100 } },
    );

    expect(reply).toMatchObject({ appliedSeq: 2, status: "PENDING", leaseExpiresAt: null });
    expect(await run.row()).toMatchObject({ status: "PENDING", attempt: 2, error: AWAY, finishedAt: null });
    expect((await run.steps()).map((step) => [step.stepKey, step.attempt, step.status])).toEqual([
      ["a", 1, "FAILED"],
      ["b", 1, "SKIPPED"],
      ["c", 1, "SKIPPED"],
      ["d", 1, "SKIPPED"],
      ["e", 1, "SKIPPED"],
    ]);
    const { rows } = await db.pool.query(
      "select extract(epoch from run_at - updated_at) between 80 and 120 as in_time from workflow_runs",
    );
    expect(rows).toEqual([{ in_time: true }]);
  });

  test("nobody waits longer than a day", async ({ db, held }) => {
    await held.attempt.send({ type: "run.failed", error: { ...AWAY, retryAfterSeconds: 1e300 } });

    const { rows } = await db.pool.query(
      "select run_at - updated_at <= interval '24 hours' as in_time, status from workflow_runs",
    );
    expect(rows).toEqual([{ in_time: true, status: "PENDING" }]);
  });

  test("hope on the last attempt is the end", async ({ held, runner }) => {
    const run = await held.workflow.run({ status: "QUEUED", maxAttempts: 1 });
    const attempt = await runner.claim(run.id);

    const reply = await attempt.send({ type: "run.failed", error: AWAY });

    expect(reply).toMatchObject({ status: "FAILED" });
    expect(await run.row()).toMatchObject({ status: "FAILED", attempt: 1, error: AWAY });
  });

  test("events behind the end are dropped, in the batch and in the buffer", async ({ db, held }) => {
    const { run, attempt } = held;
    const [end, ...behind] = attempt.number({ type: "run.succeeded", output: 1 }, succeeded("a"), {
      type: "run.failed",
      error: FATAL,
    });
    const [, buffered] = behind;
    await attempt.sendNumbered(buffered === undefined ? [] : [buffered]);

    const reply = await attempt.sendNumbered(end === undefined ? [] : [end, ...behind]);

    expect(reply).toMatchObject({ appliedSeq: 1, status: "SUCCEEDED" });
    expect(await run.row()).toMatchObject({ status: "SUCCEEDED", output: 1, lastEventSeq: 1 });
    expect((await statusesOf(run)).a).toBe("SKIPPED");
    expect(await countBuffered(db)).toBe(0);
  });

  for (const [what, event, status] of [
    ["says it was cancelled", { type: "run.cancelled" }, "CANCELLED"],
    ["had succeeded first", { type: "run.succeeded", output: 7 }, "SUCCEEDED"],
    ["had failed first, with hope that nobody wants", { type: "run.failed", error: AWAY }, "FAILED"],
  ] as const) {
    test(`a runner that is asked to stop and ${what} leaves the run ${status}`, async ({ actions, held }) => {
      const { run, attempt, tenant } = held;
      const owner = await tenant.user("owner");
      await attempt.send({ type: "step.started", stepKey: "a" });
      await actions.succeed(cancelRun, owner, { runId: run.id });

      const heard = await attempt.send({ type: "step.started", stepKey: "b" });
      const ended = await attempt.send(event);

      expect(heard).toMatchObject({ status: "CANCELLING", cancelRequested: true, leaseExpiresAt: expect.any(String) });
      expect(ended).toMatchObject({ status, cancelRequested: false, leaseExpiresAt: null });
      expect(await run.row()).toMatchObject({ status, attempt: 1 });
      expect((await statusesOf(run)).a).toBe(status === "CANCELLED" ? "CANCELLED" : "FAILED");
    });
  }

  test("run.cancelled of a run nobody cancelled is invalid, with the whole batch", async ({ held, service }) => {
    const { run, attempt } = held;
    const before = await stateOf(run);

    const reply = await send(service, attempt, attempt.number(succeeded("a"), { type: "run.cancelled" }));

    expect([reply.status, reply.code, reply.extensions?.index]).toEqual([422, "EVENT_INVALID", 1]);
    expect(await stateOf(run)).toEqual(before);
  });
});

describe("repeats and order", () => {
  test("a batch that comes again changes nothing but the lease", async ({ db, held }) => {
    const { run, attempt } = held;
    const batch = attempt.number({ type: "step.started", stepKey: "a" }, succeeded("a"));
    await attempt.sendNumbered(batch);
    const before = await run.row();
    const steps = await run.steps();
    await db.db.execute(sql`update workflow_runs set lease_expires_at = now() + interval '5 seconds'`);

    const again = await attempt.sendNumbered(batch);

    expect(again).toMatchObject({ outcome: "accepted", appliedSeq: 2, status: "RUNNING" });
    const { leaseExpiresAt, updatedAt, changeSeq } = await run.row();
    expect(await run.row()).toEqual({ ...before, leaseExpiresAt, updatedAt, changeSeq });
    expect(await run.steps()).toEqual(steps);
    const { rows } = await db.pool.query(
      "select lease_expires_at - updated_at = interval '60 seconds' as minute from workflow_runs",
    );
    expect(rows).toEqual([{ minute: true }]);
  });

  test("the same number with other content is a repeat: the first counts", async ({ held }) => {
    const { run, attempt } = held;
    const [first] = attempt.number(succeeded("a"));
    if (first === undefined) return;
    await attempt.sendNumbered([first]);

    const reply = await attempt.sendNumbered([{ ...first, type: "step.failed", stepKey: "a", error: FATAL }]);

    expect(reply).toMatchObject({ appliedSeq: 1 });
    expect((await statusesOf(run)).a).toBe("SUCCEEDED");
  });

  test("events that come backwards wait for the gap and then count in their order", async ({ db, held }) => {
    const { run, attempt } = held;
    const events = attempt.number(
      { type: "step.started", stepKey: "a" },
      succeeded("a"),
      { type: "step.skipped", stepKey: "b" },
      { type: "run.succeeded", output: "done" },
    );

    const seqs = [];
    const waiting = [];
    for (const event of events.toReversed()) {
      const reply = await attempt.sendNumbered([event]);
      seqs.push(reply.outcome === "accepted" ? reply.appliedSeq : reply.code);
      waiting.push(await countBuffered(db));
    }

    expect(seqs).toEqual([0, 0, 0, 4]);
    expect(waiting).toEqual([1, 2, 3, 0]);
    expect(await run.row()).toMatchObject({ status: "SUCCEEDED", output: "done" });
    expect(await statusesOf(run)).toMatchObject({ a: "SUCCEEDED", b: "SKIPPED" });
  });

  test("a thousand events wait, one more is refused, and the gap still closes", async ({ db, held, service }) => {
    const { run, attempt } = held;
    const event = (seq: number) => ({ seq, at: AT, type: "step.started", stepKey: "a" });
    for (let from = 2; from < 1_002; from += 100)
      await send(
        service,
        attempt,
        Array.from({ length: 100 }, (_, index) => event(from + index)),
      );

    const over = await send(service, attempt, [event(1_002)]);
    const waiting = await countBuffered(db);
    const closed = await send(service, attempt, [event(1)]);

    expect([over.status, over.code, waiting]).toEqual([422, "EVENT_INVALID", 1_000]);
    expect(closed.body).toMatchObject({ appliedSeq: 1_001 });
    expect([await countBuffered(db), (await statusesOf(run)).a]).toEqual([0, "RUNNING"]);
  });

  test("one batch many times at once counts once", async ({ held }) => {
    const { run, attempt } = held;
    const batch = attempt.number({ type: "step.started", stepKey: "a" }, succeeded("a"), { type: "run.succeeded" });

    const replies = await Promise.all(Array.from({ length: 8 }, () => attempt.sendNumbered(batch)));

    for (const reply of replies)
      expect(reply).toMatchObject({ outcome: "accepted", appliedSeq: 3, status: "SUCCEEDED" });
    expect(await run.row()).toMatchObject({ status: "SUCCEEDED", lastEventSeq: 3 });
    expect(await run.steps()).toHaveLength(5);
  });

  test("single events all at once end where they would have one after the other", async ({ db, held }) => {
    const { run, attempt } = held;
    const events = attempt.number(
      ...["a", "b", "c", "d"].flatMap((key): RunnerEvent[] => [{ type: "step.started", stepKey: key }, succeeded(key)]),
      { type: "run.succeeded", output: "all" },
    );

    const replies = await Promise.all(events.map((event) => attempt.sendNumbered([event])));

    for (const reply of replies) expect(reply.outcome).toBe("accepted");
    expect(await run.row()).toMatchObject({ status: "SUCCEEDED", lastEventSeq: 9, output: "all" });
    expect(await statusesOf(run)).toEqual({
      a: "SUCCEEDED",
      b: "SUCCEEDED",
      c: "SUCCEEDED",
      d: "SUCCEEDED",
      e: "SKIPPED",
    });
    expect(await countBuffered(db)).toBe(0);
  });

  test("the last batch again is answered with the last status; anything new is stale", async ({ held }) => {
    const { run, attempt } = held;
    const batch = attempt.number(succeeded("a"), { type: "run.failed", error: FATAL });
    await attempt.sendNumbered(batch);
    const before = await stateOf(run);

    const [again, more] = [await attempt.sendNumbered(batch), await attempt.send(succeeded("b"))];

    expect(again).toMatchObject({ outcome: "accepted", appliedSeq: 2, status: "FAILED", leaseExpiresAt: null });
    expect(more).toMatchObject(STALE);
    expect(await stateOf(run)).toEqual(before);
  });
});

describe("is stale", () => {
  for (const status of ["CANCELLED", "TIMED_OUT"] as const) {
    test(`for a runner whose run became ${status}: a terminal run never changes`, async ({
      actions,
      db,
      held,
      service,
    }) => {
      const { run, attempt, tenant } = held;
      await attempt.send({ type: "step.started", stepKey: "a" });
      if (status === "CANCELLED") await actions.succeed(cancelRun, await tenant.user("owner"), { runId: run.id });
      await db.db.execute(
        sql`update workflow_runs set deadline_at = case when status = 'RUNNING' then now() else deadline_at end,
                                     cancel_requested_at = cancel_requested_at - interval '31 seconds'`,
      );
      await sweepPass(service.deps);
      const before = await stateOf(run);

      const replies = [
        await attempt.send(succeeded("a")),
        await attempt.send({ type: "run.succeeded", output: "too late" }),
        await attempt.send({ type: "run.cancelled" }),
      ];

      for (const reply of replies) expect(reply).toMatchObject(STALE);
      expect(before).toMatchObject([{ status, output: null }, expect.any(Array)]);
      expect(await stateOf(run)).toEqual(before);
    });
  }

  test("for a zombie whose lease was lost, before, while and after another runner works", async ({
    db,
    held,
    runner,
    service,
  }) => {
    const { run, attempt: zombie } = held;
    await zombie.send({ type: "step.started", stepKey: "a" });
    await db.db.execute(sql`update workflow_runs set lease_expires_at = now() - interval '1 second'`);
    await sweepPass(service.deps);
    const lies = zombie.number(succeeded("a"), { type: "run.succeeded", output: "zombie" });

    const before = await zombie.sendNumbered(lies);
    await db.db.execute(sql`update workflow_runs set status = 'QUEUED', queued_at = now()`);
    const next = await runner.claim(run.id, 2);
    const meanwhile = [
      await zombie.sendNumbered(lies),
      await runner.forge(zombie, { attempt: 2 }).sendNumbered(lies),
      await runner.forge(next, { attempt: 1 }).sendNumbered(lies),
    ];
    await next.send({ type: "run.succeeded", output: "next" });
    const after = await zombie.sendNumbered(lies);

    for (const reply of [before, ...meanwhile, after]) expect(reply).toMatchObject(STALE);
    expect(await run.row()).toMatchObject({ status: "SUCCEEDED", attempt: 2, output: "next" });
    const first = (await run.steps()).filter((step) => step.attempt === 1);
    expect(first.map(({ status }) => status)).toEqual(["FAILED", "SKIPPED", "SKIPPED", "SKIPPED", "SKIPPED"]);
  });

  test("with another token, another run's token, and for a run that does not exist", async ({
    held,
    runner,
    service,
  }) => {
    const { run, attempt, workflow } = held;
    const other = await runner.claim((await workflow.run({ status: "QUEUED" })).id);
    const before = await stateOf(run);
    const [end] = attempt.number({ type: "run.succeeded", output: "stolen" });
    const call = (runId: string, token: string, number = 1) =>
      callRunner(service, runId, "events", token, { contractVersion: 1, attempt: number, events: [end] });

    const replies = [
      await call(run.id, `lt_${"A".repeat(43)}`),
      await call(run.id, other.claim.leaseToken),
      await call(run.id, attempt.claim.leaseToken, 2),
      await call(run.id, attempt.claim.leaseToken, 2_147_483_648),
      await call(randomUUID(), attempt.claim.leaseToken),
      await call("7", attempt.claim.leaseToken),
    ];

    for (const { status, code } of replies) expect([status, code]).toEqual([409, "STALE_ATTEMPT"]);
    expect(new Set(replies.map(({ text }) => text.replace(/"requestId":"[^"]*"/, ""))).size).toBe(1);
    expect(await stateOf(run)).toEqual(before);
  });

  test("for a run nobody has claimed yet", async ({ held, runner }) => {
    const queued = await held.workflow.run({ status: "QUEUED" });

    const reply = await runner.forge(held.attempt, { runId: queued.id }).send({ type: "run.succeeded" });

    expect(reply).toMatchObject(STALE);
    expect((await queued.row()).status).toBe("QUEUED");
  });
});

describe("is refused", () => {
  test("without a well-formed lease token, before the body is read", async ({ held, service }) => {
    const { run, attempt } = held;
    const { leaseToken } = attempt.lease;
    const before = await stateOf(run);
    const tokens = [undefined, "", RUNNER_TOKEN, "lt_", leaseToken.slice(0, -1), `${leaseToken}A`];

    const replies = [];
    for (const token of tokens) replies.push(await callRunner(service, run.id, "events", token, "{ this is no json"));

    for (const { status, code } of replies) expect([status, code]).toEqual([401, "UNAUTHENTICATED"]);
    expect(await stateOf(run)).toEqual(before);
  });

  test("a batch that does not fit is bad input", async ({ held, service }) => {
    const { run, attempt } = held;
    const before = await stateOf(run);
    const event = { seq: 1, at: AT, type: "step.started", stepKey: "a" };
    const call = (body: unknown) => callRunner(service, run.id, "events", attempt.lease.leaseToken, body);

    const replies = [
      await call(""),
      await call("{"),
      await call(null),
      await call({}),
      await send(service, attempt, undefined),
      await send(service, attempt, "none"),
      await send(service, attempt, []),
      await send(
        service,
        attempt,
        Array.from({ length: 101 }, (_, index) => ({ ...event, seq: index + 1 })),
      ),
      await send(service, attempt, [event], { contractVersion: 2 }),
      await send(service, attempt, [event], { attempt: 0 }),
      await send(service, attempt, [event], { attempt: "1" }),
    ];

    for (const { status, code } of replies) expect([status, code]).toEqual([400, "BAD_INPUT"]);
    expect(await stateOf(run)).toEqual(before);
  });

  test("a batch with one event that can never be applied is invalid as a whole, and the event is named", async ({
    db,
    held,
    service,
  }) => {
    const { run, attempt } = held;
    const before = await stateOf(run);
    const good = { seq: 1, at: AT, type: "step.succeeded", stepKey: "a", output: 1 };
    const nested: unknown = JSON.parse("[".repeat(501) + "]".repeat(501));
    const faulty = [
      null,
      {},
      { ...good, seq: 0 },
      { ...good, seq: 1.5 },
      { ...good, seq: "2" },
      { ...good, seq: 2_147_483_648 },
      { ...good, type: "step.paused" },
      { ...good, type: "run.timed_out" },
      { ...good, at: "yesterday" },
      { ...good, at: "2026-02-30T00:00:00Z" },
      { ...good, at: "0000-01-01T00:00:00Z" },
      { ...good, at: "2026-01-01T00:00:00+16:00" },
      { ...good, stepKey: "No Key" },
      { seq: 2, at: AT, type: "step.succeeded", stepKey: "a" },
      { seq: 2, at: AT, type: "step.failed", stepKey: "a" },
      { seq: 2, at: AT, type: "run.failed", error: { ...FATAL, code: "lower case" } },
      { seq: 2, at: AT, type: "run.failed", error: { ...FATAL, code: "X".repeat(65) } },
      { seq: 2, at: AT, type: "run.failed", error: { ...FATAL, message: "x".repeat(2_001) } },
      { seq: 2, at: AT, type: "run.failed", error: { ...FATAL, message: "a\u0000b" } },
      { seq: 2, at: AT, type: "run.failed", error: { ...FATAL, retryAfterSeconds: -1 } },
      { seq: 2, at: AT, type: "run.failed", error: { code: "X", message: "x" } },
      { ...good, seq: 2, output: "a\u0000b" },
      { ...good, seq: 2, output: { "a\u0000b": 1 } },
      { ...good, seq: 2, output: "\ud83d" },
      { ...good, seq: 2, output: nested },
      { ...good, seq: 2, output: "x".repeat(MIB - 1) },
      // Behind a gap it would only be found when the gap closes, in a call that did nothing wrong.
      { ...good, seq: 9, output: "a\u0000b" },
      { ...good, seq: 2, stepKey: "unknown" },
      { ...good, seq: 9, stepKey: "unknown" },
    ];

    const replies = [];
    for (const event of faulty) replies.push(await send(service, attempt, [good, event]));

    for (const reply of replies) {
      expect([reply.status, reply.code]).toEqual([422, "EVENT_INVALID"]);
      expect(reply.extensions).toMatchObject({ index: 1, reason: expect.stringMatching(/./) });
    }
    expect(await stateOf(run)).toEqual(before);
    expect(await countBuffered(db)).toBe(0);
  });

  test("100,000 levels and numbers beyond all numbers are invalid too", async ({ held, service }) => {
    const { run, attempt } = held;
    const before = await stateOf(run);
    const call = (output: string) =>
      callRunner(
        service,
        run.id,
        "events",
        attempt.lease.leaseToken,
        `{"contractVersion":1,"attempt":1,"events":[{"seq":1,"at":"${AT}","type":"run.succeeded","output":${output}}]}`,
      );

    const replies = [await call("[".repeat(100_000) + "]".repeat(100_000)), await call("1e400")];

    for (const { status, code } of replies) expect([status, code]).toEqual([422, "EVENT_INVALID"]);
    expect(await stateOf(run)).toEqual(before);
  });

  test("1 MiB of output is kept whole, 4 MiB of batch are read, more is too large", async ({ db, held, service }) => {
    const { attempt } = held;
    const event = (seq: number, stepKey: string, length: number) => ({
      seq,
      at: AT,
      type: "step.succeeded",
      stepKey,
      output: "x".repeat(length),
    });

    const fits = await send(service, attempt, [
      event(1, "a", MIB - 2),
      event(2, "b", MIB - 2),
      event(3, "c", MIB - 2),
      event(4, "d", 1_000_000),
    ]);
    const large = await send(service, attempt, [
      event(5, "e", MIB - 2),
      event(6, "e", MIB - 2),
      event(7, "e", MIB - 2),
      event(8, "e", MIB - 2),
    ]);

    expect([fits.status, large.status, large.code]).toEqual([200, 413, "PAYLOAD_TOO_LARGE"]);
    const { rows } = await db.pool.query(
      "select step_key as key, length(output #>> '{}') as length from step_runs where output is not null order by 1",
    );
    expect(rows).toEqual([
      { key: "a", length: MIB - 2 },
      { key: "b", length: MIB - 2 },
      { key: "c", length: MIB - 2 },
      { key: "d", length: 1_000_000 },
    ]);
  });
});

test("with PostgreSQL away the batch is kept by the runner, and counts once when it comes again", async ({
  db,
  held,
  service,
}) => {
  const { run, attempt } = held;
  const batch = attempt.number(succeeded("a"), { type: "run.succeeded", output: 1 });
  const mend = await cutPostgres(db, service);

  const away = await send(service, attempt, batch);
  await mend();
  const back = await attempt.sendNumbered(batch);

  expect([away.status, away.code, away.headers["retry-after"]]).toEqual([503, "UNAVAILABLE", "5"]);
  expect(back).toMatchObject({ outcome: "accepted", status: "SUCCEEDED" });
  expect(await run.row()).toMatchObject({ status: "SUCCEEDED", lastEventSeq: 2 });
});

test("the metrics count batches by what became of them", async ({ held, service }) => {
  const { attempt } = held;
  await attempt.send(succeeded("a"));
  await send(service, attempt, [{ seq: 2, at: AT, type: "step.started", stepKey: "unknown" }]);
  await send(service, attempt, [{ seq: 2, at: AT, type: "step.started", stepKey: "a" }], { attempt: 2 });

  const { body } = await service.server.inject("/metrics");

  for (const outcome of ["applied", "invalid", "stale"])
    expect(body).toMatch(new RegExp(`^run_events_total\\{.*outcome="${outcome}".*\\} 1$`, "m"));
});
