import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { cancelRun } from "../src/actions/cancel-run.ts";
import { sweepPass } from "../src/domain/sweep-pass.ts";
import { AT, FATAL, STALE, sendEvents, succeeded, test } from "./held-run.ts";
import { callRunner, RUNNER_TOKEN } from "./service.ts";
import { countBufferedEvents, stateOf } from "./stored-state.ts";

const MIB = 1_048_576;

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
      await sendEvents(service, attempt, undefined),
      await sendEvents(service, attempt, "none"),
      await sendEvents(service, attempt, []),
      await sendEvents(
        service,
        attempt,
        Array.from({ length: 101 }, (_, index) => ({ ...event, seq: index + 1 })),
      ),
      await sendEvents(service, attempt, [event], { contractVersion: 2 }),
      await sendEvents(service, attempt, [event], { attempt: 0 }),
      await sendEvents(service, attempt, [event], { attempt: "1" }),
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
    const nested: unknown = JSON.parse("[".repeat(513) + "]".repeat(513));
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
      { ...good, seq: 2, output: "x".repeat(MIB + 16 * 1024) },
      // Behind a gap it would only be found when the gap closes, in a call that did nothing wrong.
      { ...good, seq: 9, output: "a\u0000b" },
      { ...good, seq: 2, stepKey: "unknown" },
      { ...good, seq: 9, stepKey: "unknown" },
    ];

    const replies = [];
    for (const event of faulty) replies.push(await sendEvents(service, attempt, [good, event]));

    for (const reply of replies) {
      expect([reply.status, reply.code]).toEqual([422, "EVENT_INVALID"]);
      expect(reply.extensions).toMatchObject({ index: 1, reason: expect.stringMatching(/./) });
    }
    expect(await stateOf(run)).toEqual(before);
    expect(await countBufferedEvents(db)).toBe(0);
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

    const replies = [await call("[".repeat(100_000) + "]".repeat(100_000)), await call("1e1000")];

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

    const fits = await sendEvents(service, attempt, [
      event(1, "a", MIB - 2),
      event(2, "b", MIB - 2),
      event(3, "c", MIB - 2),
      event(4, "d", 1_000_000),
    ]);
    const large = await sendEvents(service, attempt, [
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
