import type { RunEvent } from "@control-plane/queue";
import { test as base, type TestDatabase, type World } from "@control-plane/testkit";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { expect } from "vitest";
import { claimAttempt, holdRun, readEvents, type Sketch } from "./held-run.ts";

const STEPS = ["a", "b", "c"];
const test = base.extend("workflow", async ({ world }: { db: TestDatabase; world: World }) =>
  (await world.tenant()).workflow({
    steps: STEPS.map((key) => ({ key, action: "core.echo" })),
    retry: { maxAttempts: 2 },
  }),
);

const error = fc.record({
  code: fc.constantFrom("STEP_TIMEOUT", "HTTP_500", "REF_UNRESOLVED"),
  message: fc.string({ maxLength: 20, unit: "grapheme-ascii" }),
  retryable: fc.boolean(),
});
const json = fc.constantFrom(null, 0, "text", { deep: [{ a: null }] });
const stepEvent = fc.oneof(
  fc.record({ type: fc.constant("step.started"), stepKey: fc.constantFrom(...STEPS), input: json }),
  fc.record({ type: fc.constant("step.succeeded"), stepKey: fc.constantFrom(...STEPS), output: json }),
  fc.record({ type: fc.constant("step.failed"), stepKey: fc.constantFrom(...STEPS), error }),
  fc.record({ type: fc.constant("step.skipped"), stepKey: fc.constantFrom(...STEPS) }),
);
const runEvent = fc.oneof(
  fc.record({ type: fc.constant("run.succeeded"), output: json }),
  fc.record({ type: fc.constant("run.failed"), error }),
  fc.constant({ type: "run.cancelled" }),
);
/** One attempt's events; some start before the run, none lies in the future, so every time is told by the events alone. */
const history = fc
  .record({
    steps: fc.array(stepEvent, { maxLength: 10 }),
    end: fc.option(runEvent, { nil: undefined }),
    // What a confused runner sends behind its own end.
    behind: fc.array(stepEvent, { maxLength: 2 }),
    cancelling: fc.boolean(),
  })
  .filter(({ end, cancelling }) => cancelling || end?.type !== "run.cancelled")
  .map(({ steps, end, behind, cancelling }) => ({
    cancelling,
    sketches: [...steps, ...(end === undefined ? [] : [end, ...behind])].map(
      (event, index): Sketch => ({ ...event, seq: index + 1, at: `2026-01-01T00:00:0${index % 8}.123456Z` }),
    ),
    last: end === undefined ? steps.length : steps.length + 1,
  }))
  .filter(({ sketches }) => sketches.length > 0);

const delivery = history.chain((given) => {
  const places = given.sketches.map((_, index) => index);
  return fc.record({
    given: fc.constant(given),
    order: fc.shuffledSubarray(places, { minLength: places.length }),
    repeats: fc.array(fc.record({ event: fc.nat({ max: places.length - 1 }), place: fc.nat() }), { maxLength: 4 }),
    cuts: fc.array(fc.boolean(), { minLength: places.length + 4, maxLength: places.length + 4 }),
    ways: fc.array(fc.constantFrom("http" as const, "queue" as const), { minLength: 1, maxLength: 5 }),
  });
});

const seed = Math.floor(Math.random() * 2 ** 31);

test(`every order, split and repetition of one attempt's events gives the same rows (seed ${seed})`, async ({
  db: { db },
  workflow,
}) => {
  const prepare = async (cancelling: boolean) => {
    const held = await holdRun(db, workflow, { maxAttempts: 2 });
    const asked = cancelling ? sql`, status = 'CANCELLING', cancel_requested_at = now()` : sql``;
    await db.execute(
      sql`update workflow_runs set started_at = '2026-01-01T00:00:03Z' ${asked} where id = ${held.run.id}`,
    );
    return held;
  };

  await fc.assert(
    fc.asyncProperty(delivery, async ({ given, order, repeats, cuts, ways }) => {
      const events = readEvents(given.sketches);
      const inOrder = await prepare(given.cancelling);
      // One by one; what stands behind the end is stale and changes nothing.
      for (const [index, event] of events.entries())
        expect((await inOrder.send([event])).outcome).toBe(index < given.last ? "applied" : "stale");

      const mixed = await prepare(given.cancelling);
      const sequence = [...order];
      for (const { event, place } of repeats) sequence.splice(place % (sequence.length + 1), 0, event);
      let batch: RunEvent[] = [];
      for (const [place, index] of sequence.entries()) {
        batch.push(...events.slice(index, index + 1));
        if (cuts[place] !== true && place < sequence.length - 1) continue;
        const { outcome } = await mixed.send(batch, { way: ways[place % ways.length] ?? "http" });
        expect(["applied", "stale"]).toContain(outcome);
        batch = [];
      }

      expect(await mixed.rows()).toEqual(await inOrder.rows());
      expect((await mixed.rows()).buffered).toEqual([]);
    }),
    { seed, numRuns: 60 },
  );
}, 120_000);

test("events that come all at once, each in a call of its own, give the rows of their order", async ({
  db: { db },
  workflow,
}) => {
  const events = readEvents([
    ...STEPS.flatMap((stepKey, n) => [
      { seq: 2 * n + 1, type: "step.started", stepKey },
      { seq: 2 * n + 2, type: "step.succeeded", stepKey, output: n },
    ]),
    { seq: 7, type: "run.succeeded", output: "done" },
  ]);
  const inOrder = await holdRun(db, workflow);
  await inOrder.send(events);
  const atOnce = await holdRun(db, workflow);

  const outcomes = await Promise.all([...events, ...events].reverse().map((event) => atOnce.send([event])));

  expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(["applied"]));
  expect(await atOnce.rows()).toEqual(await inOrder.rows());
});

test("the second attempt counts from 1 again, and the first one's late events reach nothing", async ({
  db: { db },
  workflow,
}) => {
  const held = await holdRun(db, workflow);
  const first = readEvents([
    { seq: 1, type: "step.succeeded", stepKey: "a", output: 1 },
    { seq: 2, type: "run.failed", error: { code: "X", message: "", retryable: true } },
  ]);
  await held.send(first);
  // While the run waits nobody holds it, whatever attempt the old token is presented for.
  for (const status of ["PENDING", "QUEUED"]) {
    await db.execute(sql`update workflow_runs set status = ${status}::run_status where id = ${held.run.id}`);
    for (const attempt of [1, 2])
      for (const way of ["http", "queue"] as const)
        expect(await held.send(first, { attempt, way }), `${status} ${attempt} ${way}`).toEqual({ outcome: "stale" });
  }
  const second = await claimAttempt(db, held.run, 2);

  const applied = await held.send(readEvents([{ seq: 1, type: "step.succeeded", stepKey: "b", output: 2 }]), {
    attempt: 2,
    token: second.leaseToken,
  });

  expect(applied).toMatchObject({ outcome: "applied", appliedSeq: 1, status: "RUNNING" });
  expect(second.bundle.completedSteps).toEqual([{ stepKey: "a", output: 1 }]);
  expect((await held.run.steps()).map(({ stepKey, attempt, status }) => `${stepKey}${attempt} ${status}`)).toEqual([
    "a1 SUCCEEDED",
    "b1 SKIPPED",
    "b2 SUCCEEDED",
    "c1 SKIPPED",
    "c2 PENDING",
  ]);
});
