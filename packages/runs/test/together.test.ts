import { hashToken } from "@control-plane/crypto";
import { workflowRuns, workflowVersions } from "@control-plane/db";
import { test } from "@control-plane/testkit";
import { eq, sql } from "drizzle-orm";
import { expect } from "vitest";
import { prepareInOrder, writeInOrder } from "../src/apply-in-order.ts";
import { claimRuns } from "../src/index.ts";
import { holdRun, lease, readEvents, type Sketch } from "./held-run.ts";

type Held = Awaited<ReturnType<typeof holdRun>>;

function inOrder(held: Held, sketches: readonly Sketch[], token = held.claimed.leaseToken) {
  const events = readEvents(sketches);
  const prepared = prepareInOrder({ runId: held.run.id, attempt: 1, leaseTokenHash: hashToken(token), events });
  if (prepared === undefined) throw new Error("these events are not in order");
  return prepared;
}

const stepOf = (held: Held): string => held.claimed.bundle.steps[0]?.stepKey ?? "";
const whole = (held: Held, output: unknown): Sketch[] => [
  { seq: 1, type: "step.started", stepKey: stepOf(held), input: { of: held.run.id } },
  { seq: 2, type: "step.succeeded", stepKey: stepOf(held), output },
  { seq: 3, type: "run.succeeded", output },
];

test("runs of many tenants are written together, each as its own events say", async ({ db, world }) => {
  const { db: orchestrator } = db.as("cp_orchestrator");
  const hold = async () => holdRun(orchestrator, await (await world.tenant()).workflow());
  const [ends, goesOn, forged, unknownStep] = [await hold(), await hold(), await hold(), await hold()];
  const untouched = [await forged.rows(), await unknownStep.rows()];

  const outcomes = await writeInOrder(
    orchestrator,
    [
      inOrder(ends, whole(ends, "a")),
      inOrder(forged, whole(forged, "b"), `lt_${"A".repeat(43)}`),
      inOrder(goesOn, whole(goesOn, "c").slice(0, 2)),
      inOrder(unknownStep, [{ seq: 1, type: "step.started", stepKey: "nobody_knows_it" }]),
      inOrder(ends, whole(ends, "a")),
    ],
    lease,
  );

  expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual([
    "applied",
    "applied",
    "not-in-order",
    "not-in-order",
    "not-in-order",
  ]);
  expect(outcomes[2]).toMatchObject({ outcome: "applied", seq: 2, leaseExpiresAt: expect.any(Date) });
  expect(await ends.rows()).toMatchObject({
    run: { status: "SUCCEEDED", output: "a", last_event_seq: 3, held: false },
    steps: [{ status: "SUCCEEDED", output: "a", input: { of: ends.run.id } }],
  });
  expect(await goesOn.rows()).toMatchObject({
    run: { status: "RUNNING", output: null, last_event_seq: 2, held: true },
    steps: [{ status: "SUCCEEDED", output: "c", input: { of: goesOn.run.id } }],
  });
  expect([await forged.rows(), await unknownStep.rows()]).toEqual(untouched);
});

test("a value that PostgreSQL refuses costs its own run alone", async ({ db, world }) => {
  const workflow = await (await world.tenant()).workflow();
  const held = [await holdRun(db.db, workflow), await holdRun(db.db, workflow), await holdRun(db.db, workflow)];
  const outputs = ["a", "\u0000", "c"];

  const outcomes = await writeInOrder(
    db.db,
    held.map((one, index) => inOrder(one, whole(one, outputs[index]))),
    lease,
  );

  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["applied", "failed", "applied"]);
  const rows = await Promise.all(held.map((one) => one.rows()));
  expect(rows.map(({ run }) => run)).toMatchObject([
    { status: "SUCCEEDED", output: "a" },
    { status: "RUNNING", last_event_seq: 0 },
    { status: "SUCCEEDED", output: "c" },
  ]);
});

test("more steps than one statement compares are written in several", async ({ db, world }) => {
  const workflow = await (await world.tenant()).workflow();
  const held = await holdRun(db.db, workflow);
  const many = { ...inOrder(held, whole(held, "a")) };
  const absent = Array.from({ length: 600 }, (_, n) => ({ ...many.folded.steps[0], stepKey: `absent_${n}` }));
  const other = { ...many, runId: "01890000-0000-7000-8000-000000000000" };

  const outcomes = await writeInOrder(
    db.db,
    [{ ...other, folded: { ...many.folded, steps: absent as typeof many.folded.steps } }, many],
    lease,
  );

  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["not-in-order", "applied"]);
});

test.for([`{"steps": "none"}`, `{"steps": [{"key": 1}]}`])(
  "claims are given together: one of two for an attempt, and none to what cannot be read: %s",
  async (definition, { db, world }) => {
    const workflow = await (await world.tenant()).workflow();
    const unreadable = await workflow.draft();
    await db.db
      .update(workflowVersions)
      .set({ definition: sql`${definition}::jsonb` })
      .where(eq(workflowVersions.id, unreadable.id));
    const [first, second] = [await workflow.run({ status: "QUEUED" }), await workflow.run({ status: "QUEUED" })];
    const broken = await workflow.run({ status: "QUEUED", workflowVersionId: unreadable.id });
    const pending = await workflow.run({ status: "PENDING" });

    const outcomes = await claimRuns(
      db.db,
      [first, broken, second, pending, first].map(({ id }, n) => ({ runId: id, attempt: 1, runnerId: `runner-${n}` })),
      lease,
    );

    const kinds = outcomes.map(({ outcome }) => outcome);
    expect([kinds[1], kinds[2], kinds[3]]).toEqual(["failed", "claimed", "refused"]);
    expect([kinds[0], kinds[4]].sort()).toEqual(["claimed", "refused"]);
    const given = outcomes.flatMap((outcome) => (outcome.outcome === "claimed" ? [outcome.claimed] : []));
    expect(given.map(({ bundle }) => bundle.run.id).sort()).toEqual([first.id, second.id].sort());
    expect(new Set(given.map(({ leaseToken }) => leaseToken)).size).toBe(2);
    for (const { bundle } of given) {
      const [row] = await db.db.select().from(workflowRuns).where(eq(workflowRuns.id, bundle.run.id));
      expect(row?.status).toBe("RUNNING");
      expect(bundle.steps).toHaveLength(1);
    }
    expect(await broken.steps()).toEqual([]);
    expect(await pending.steps()).toEqual([]);
  },
);
