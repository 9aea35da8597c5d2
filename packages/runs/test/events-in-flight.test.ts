import { runEventBuffer, workflowRuns } from "@control-plane/db";
import { test } from "@control-plane/testkit";
import { eq } from "drizzle-orm";
import { expect } from "vitest";
import { holdRun, readEvents } from "./held-run.ts";

test("a batch that waits for one which is kept behind a gap finds it there and drains it", async ({ db, world }) => {
  const held = await holdRun(db.as("cp_orchestrator").db, await (await world.tenant()).workflow());
  const stepKey = held.claimed.bundle.steps[0]?.stepKey;
  const [later] = readEvents([{ seq: 2, type: "step.succeeded", stepKey, output: { n: 1 } }]);

  const answer = await db.db.transaction(async (tx) => {
    await tx.update(workflowRuns).set({ eventBufferBytes: 100 }).where(eq(workflowRuns.id, held.run.id));
    await tx.insert(runEventBuffer).values({ workflowRunId: held.run.id, attempt: 1, seq: 2, event: later });
    const sent = held.report({ seq: 1, type: "step.started", stepKey });
    await expect
      .poll(async () => (await db.pool.query("select from pg_locks where not granted")).rowCount)
      .toBeGreaterThan(0);
    return { sent };
  });

  expect(await answer.sent).toMatchObject({ outcome: "applied", appliedSeq: 2, status: "RUNNING" });
  expect(await held.rows()).toMatchObject({ steps: [{ status: "SUCCEEDED", output: { n: 1 } }], buffered: [] });
});

test("more bytes than may wait for an event that is missing are refused, however few events they are", async ({
  db,
  world,
}) => {
  const held = await holdRun(db.as("cp_orchestrator").db, await (await world.tenant()).workflow());
  const stepKey = held.claimed.bundle.steps[0]?.stepKey;
  const large = (seq: number) => ({ seq, type: "step.started", stepKey, input: "x".repeat(1_000_000) });
  const keep = async (from: number) => held.report(...[0, 1, 2, 3].map((n) => large(from + n)));
  expect(await keep(3)).toMatchObject({ outcome: "applied", appliedSeq: 0 });
  expect(await keep(7)).toMatchObject({ outcome: "applied", appliedSeq: 0 });

  expect(await keep(11)).toMatchObject({ outcome: "invalid", index: 0 });

  expect((await held.rows()).buffered).toHaveLength(8);
});
