import type { RunnerEvent } from "@control-plane/testkit";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { AT, FATAL, STALE, sendEvents, succeeded, test } from "./held-run.ts";
import { countBufferedEvents, stateOf, stepStatusesOf } from "./stored-state.ts";

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
    const batch = attempt.number(succeeded("a"));
    await attempt.sendNumbered(batch);

    const reply = await attempt.sendNumbered(
      batch.map(({ seq, at }) => ({ seq, at, type: "step.failed", stepKey: "a", error: FATAL })),
    );

    expect(reply).toMatchObject({ appliedSeq: 1 });
    expect((await stepStatusesOf(run)).a).toBe("SUCCEEDED");
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
      waiting.push(await countBufferedEvents(db));
    }

    expect(seqs).toEqual([0, 0, 0, 4]);
    expect(waiting).toEqual([1, 2, 3, 0]);
    expect(await run.row()).toMatchObject({ status: "SUCCEEDED", output: "done" });
    expect(await stepStatusesOf(run)).toMatchObject({ a: "SUCCEEDED", b: "SKIPPED" });
  });

  test("a thousand events wait, one more is refused, and the gap still closes", async ({ db, held, service }) => {
    const { run, attempt } = held;
    const event = (seq: number) => ({ seq, at: AT, type: "step.started", stepKey: "a" });
    for (let from = 2; from < 1_002; from += 100)
      await sendEvents(
        service,
        attempt,
        Array.from({ length: 100 }, (_, index) => event(from + index)),
      );

    const over = await sendEvents(service, attempt, [event(1_002)]);
    const waiting = await countBufferedEvents(db);
    const closed = await sendEvents(service, attempt, [event(1)]);

    expect([over.status, over.code, waiting]).toEqual([422, "EVENT_INVALID", 1_000]);
    expect(closed.body).toMatchObject({ appliedSeq: 1_001 });
    expect([await countBufferedEvents(db), (await stepStatusesOf(run)).a]).toEqual([0, "RUNNING"]);
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
    expect(await stepStatusesOf(run)).toEqual({
      a: "SUCCEEDED",
      b: "SUCCEEDED",
      c: "SUCCEEDED",
      d: "SUCCEEDED",
      e: "SKIPPED",
    });
    expect(await countBufferedEvents(db)).toBe(0);
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
