import { eventsReplySchema } from "@control-plane/queue";
import { describe, expect } from "vitest";
import { cancelRun } from "../src/actions/cancel-run.ts";
import { AT, AWAY, FATAL, sendEvents, succeeded, test } from "./held-run.ts";
import { cutPostgres } from "./service.ts";
import { countBufferedEvents, stateOf, stepStatusesOf } from "./stored-state.ts";

describe("steps", () => {
  test("every step event has its effect, and the reply is as the contract says", async ({ held, service }) => {
    const { run, attempt } = held;

    const reply = await sendEvents(
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

  test("the deepest input there is, wrapped by every step, comes through", async ({ held }) => {
    const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

    await held.attempt.send(
      { type: "step.started", stepKey: "a", input: { value: nested(500) } },
      { type: "step.succeeded", stepKey: "a", output: { value: { value: nested(510) } } },
    );

    expect((await held.run.steps())[0]).toMatchObject({ status: "SUCCEEDED", input: { value: nested(500) } });
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
    const times = [
      "1999-01-01T00:00:00Z",
      "2199-01-01T00:00:00+14:00",
      "9999-12-31T23:59:59.999999-15:59",
      "0001-01-01T00:00:00Z",
    ];
    const events = attempt.number(
      { type: "step.started", stepKey: "a" },
      { type: "step.succeeded", stepKey: "a", output: 1 },
      { type: "step.started", stepKey: "b" },
      { type: "step.succeeded", stepKey: "b", output: 1 },
    );

    await attempt.sendNumbered(events.map((event, index) => ({ ...event, at: times[index] ?? "" })));

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
    expect(await stepStatusesOf(run)).toEqual({
      a: "SUCCEEDED",
      b: "FAILED",
      c: "SKIPPED",
      d: "SKIPPED",
      e: "SKIPPED",
    });
    expect((await run.steps())[1]?.error).toMatchObject({ code: "NOT_REPORTED" });
    expect(service.wakes()).toBe(1);
  });

  test("run.failed without hope ends the run though attempts are left", async ({ held, service }) => {
    const { run, attempt } = held;

    const reply = await attempt.send({ type: "run.failed", error: { ...FATAL, stepKey: "a" } });

    expect(reply).toMatchObject({ status: "FAILED", leaseExpiresAt: null });
    expect(await run.row()).toMatchObject({ status: "FAILED", attempt: 1, error: { ...FATAL, stepKey: "a" } });
    expect(new Set(Object.values(await stepStatusesOf(run)))).toEqual(new Set(["SKIPPED"]));
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
    const events = attempt.number({ type: "run.succeeded", output: 1 }, succeeded("a"), {
      type: "run.failed",
      error: FATAL,
    });
    await attempt.sendNumbered(events.slice(2));
    const waiting = await countBufferedEvents(db);

    const reply = await attempt.sendNumbered(events);

    expect(waiting).toBe(1);
    expect(reply).toMatchObject({ appliedSeq: 1, status: "SUCCEEDED" });
    expect(await run.row()).toMatchObject({ status: "SUCCEEDED", output: 1, lastEventSeq: 1 });
    expect((await stepStatusesOf(run)).a).toBe("SKIPPED");
    expect(await countBufferedEvents(db)).toBe(0);
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
      expect((await stepStatusesOf(run)).a).toBe(status === "CANCELLED" ? "CANCELLED" : "FAILED");
    });
  }

  test("run.cancelled of a run nobody cancelled is invalid, with the whole batch", async ({ held, service }) => {
    const { run, attempt } = held;
    const before = await stateOf(run);

    const reply = await sendEvents(service, attempt, attempt.number(succeeded("a"), { type: "run.cancelled" }));

    expect([reply.status, reply.code, reply.extensions?.index]).toEqual([422, "EVENT_INVALID", 1]);
    expect(await stateOf(run)).toEqual(before);
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

  const away = await sendEvents(service, attempt, batch);
  await mend();
  const back = await attempt.sendNumbered(batch);

  expect([away.status, away.code, away.headers["retry-after"]]).toEqual([503, "UNAVAILABLE", "5"]);
  expect(back).toMatchObject({ outcome: "accepted", status: "SUCCEEDED" });
  expect(await run.row()).toMatchObject({ status: "SUCCEEDED", lastEventSeq: 2 });
});

test("the metrics count batches by what became of them", async ({ held, service }) => {
  const { attempt } = held;
  await attempt.send(succeeded("a"));
  await sendEvents(service, attempt, [{ seq: 2, at: AT, type: "step.started", stepKey: "unknown" }]);
  await sendEvents(service, attempt, [{ seq: 2, at: AT, type: "step.started", stepKey: "a" }], { attempt: 2 });

  const { body } = await service.server.inject("/metrics");

  for (const outcome of ["applied", "invalid", "stale"])
    expect(body).toMatch(new RegExp(`^run_events_total\\{.*outcome="${outcome}".*\\} 1$`, "m"));
});
