import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { cancelRun } from "../src/actions/cancel-run.ts";
import { dispatchPass } from "../src/domain/dispatch-pass.ts";
import { test } from "./acme.ts";

describe("by status", () => {
  for (const status of ["PENDING", "QUEUED"] as const) {
    test(`a ${status} run is CANCELLED at once, by whom is written down, and its slot is free`, async ({
      actions,
      acme,
      service,
    }) => {
      const run = await acme.workflow.run({ status });

      const reply = await actions.succeed(cancelRun, acme.owner, { runId: run.id });

      expect(reply).toEqual({ outcome: "CANCELLED", status: "CANCELLED" });
      const row = await run.row();
      expect(row).toMatchObject({ status: "CANCELLED", cancelRequestedBy: acme.owner.id, leaseExpiresAt: null });
      expect([row.cancelRequestedAt, row.finishedAt]).toEqual([expect.any(Date), expect.any(Date)]);
      expect(service.wakes()).toBe(1);
    });
  }

  test("a run that waits for its second attempt is CANCELLED, its first attempt stays as it was", async ({
    actions,
    acme,
    runner,
  }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    await attempt.send(
      { type: "step.started", stepKey: "echo" },
      { type: "run.failed", error: { code: "AWAY", message: "try later", retryable: true } },
    );

    const reply = await actions.succeed(cancelRun, acme.owner, { runId: run.id });

    expect(reply).toEqual({ outcome: "CANCELLED", status: "CANCELLED" });
    expect((await run.steps()).map((step) => [step.attempt, step.status])).toEqual([[1, "FAILED"]]);
  });

  test("a RUNNING run is asked to stop and stays its runner's", async ({ actions, acme, service }) => {
    const run = await acme.workflow.run({ status: "RUNNING" });
    const before = await run.row();

    const reply = await actions.succeed(cancelRun, acme.owner, { runId: run.id });

    expect(reply).toEqual({ outcome: "CANCELLING", status: "CANCELLING" });
    expect(await run.row()).toMatchObject({
      status: "CANCELLING",
      cancelRequestedAt: expect.any(Date),
      cancelRequestedBy: acme.owner.id,
      finishedAt: null,
      leaseTokenHash: before.leaseTokenHash,
      leaseExpiresAt: before.leaseExpiresAt,
    });
    expect((await run.steps()).map(({ status }) => status)).toEqual(["PENDING"]);
    expect(service.wakes()).toBe(0);
  });

  test("a CANCELLING run stays so, and the first request counts", async ({ actions, acme }) => {
    const colleague = await acme.tenant.user("builder");
    const run = await acme.workflow.run({ status: "RUNNING" });
    await actions.succeed(cancelRun, acme.owner, { runId: run.id });
    const before = await run.row();

    const reply = await actions.succeed(cancelRun, colleague, { runId: run.id });

    expect(reply).toEqual({ outcome: "CANCELLING", status: "CANCELLING" });
    expect(await run.row()).toEqual(before);
  });

  for (const status of ["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const) {
    test(`a ${status} run is over: nothing changes and nothing is said on the trail`, async ({ actions, acme }) => {
      const run = await acme.workflow.run({ status });
      const [row, steps, trail] = [await run.row(), await run.steps(), await acme.tenant.audit()];

      const reply = await actions.succeed(cancelRun, acme.owner, { runId: run.id });

      expect(reply).toEqual({ outcome: "ALREADY_TERMINAL", status });
      expect([await run.row(), await run.steps()]).toEqual([row, steps]);
      expect(await acme.tenant.audit()).toHaveLength(trail.length);
    });
  }
});

test("a cancelled run that had a job cannot be claimed any more", async ({ actions, acme, runner, service }) => {
  const run = await acme.workflow.run();
  await dispatchPass(service.deps);
  await actions.succeed(cancelRun, acme.owner, { runId: run.id });

  const answer = await runner.tryClaim(run.id);

  expect(answer).toMatchObject({ outcome: "refused", status: 409, code: "STALE_ATTEMPT" });
  expect((await run.row()).status).toBe("CANCELLED");
});

test("the freed slot goes to the run that waits", async ({ actions, world, service }) => {
  const tenant = await world.tenant({ maxConcurrentRuns: 1 });
  const owner = await tenant.user("owner");
  const workflow = await tenant.workflow();
  const holds = await workflow.run({ status: "QUEUED" });
  const waits = await workflow.run();
  await dispatchPass(service.deps);
  const before = await waits.row();

  await actions.succeed(cancelRun, owner, { runId: holds.id });
  await dispatchPass(service.deps);

  expect([before.status, (await waits.row()).status]).toEqual(["PENDING", "QUEUED"]);
});

test("a second cancel of a waiting run finds it over", async ({ actions, acme }) => {
  const run = await acme.workflow.run();

  const replies = [
    await actions.succeed(cancelRun, acme.owner, { runId: run.id }),
    await actions.succeed(cancelRun, acme.owner, { runId: run.id }),
  ];

  expect(replies).toEqual([
    { outcome: "CANCELLED", status: "CANCELLED" },
    { outcome: "ALREADY_TERMINAL", status: "CANCELLED" },
  ]);
});

test("of many cancels at once one cancels", async ({ actions, acme }) => {
  const run = await acme.workflow.run();

  const replies = await Promise.all(
    Array.from({ length: 8 }, () => actions.succeed(cancelRun, acme.owner, { runId: run.id })),
  );

  expect(replies.filter(({ outcome }) => outcome === "CANCELLED")).toHaveLength(1);
  expect(replies.filter(({ outcome }) => outcome === "ALREADY_TERMINAL")).toHaveLength(7);
});

test("a cancel and a claim at once end in one of two states, never in both", async ({ actions, acme, runner }) => {
  const runs = await Promise.all(Array.from({ length: 8 }, () => acme.workflow.run({ status: "QUEUED" })));

  const results = await Promise.all(
    runs.map(async (run) => {
      const [claim, cancel] = await Promise.all([
        runner.tryClaim(run.id),
        actions.succeed(cancelRun, acme.owner, { runId: run.id }),
      ]);
      return [claim.outcome, cancel.outcome, (await run.row()).status].join(" ");
    }),
  );

  for (const result of results)
    expect(result).toBeOneOf(["claimed CANCELLING CANCELLING", "refused CANCELLED CANCELLED"]);
});

for (const role of ["admin", "builder"] as const) {
  test(`the role ${role} may cancel a run that somebody else started`, async ({ actions, acme }) => {
    const user = await acme.tenant.user(role);
    const run = await acme.workflow.run({ createdBy: acme.owner.id });

    await actions.succeed(cancelRun, user, { runId: run.id });

    expect(await run.row()).toMatchObject({ status: "CANCELLED", cancelRequestedBy: user.id });
  });
}

test("a viewer cancels nothing, and the attempt is on the trail", async ({ actions, acme }) => {
  const viewer = await acme.tenant.user("viewer");
  const run = await acme.workflow.run({ status: "RUNNING" });

  const reply = await actions.call(cancelRun, viewer, { runId: run.id });

  expect(reply).toBeRefused("FORBIDDEN");
  expect((await run.row()).status).toBe("RUNNING");
  const denied = (await acme.tenant.audit()).filter(({ outcome }) => outcome === "DENIED");
  expect(denied.map(({ action, actorId }) => [action, actorId])).toEqual([["cancelRun.denied", viewer.id]]);
});

test("a run of another tenant is not found, like one that does not exist", async ({ actions, acme, world }) => {
  const stranger = await (await world.tenant()).user("owner");
  const run = await acme.workflow.run({ status: "RUNNING" });

  const replies = [
    await actions.call(cancelRun, stranger, { runId: run.id }),
    await actions.call(cancelRun, stranger, { runId: randomUUID() }),
  ];

  for (const reply of replies) expect(reply).toBeRefused("NOT_FOUND");
  expect(new Set(replies.map((reply) => (reply.outcome === "refused" ? reply.message : ""))).size).toBe(1);
  expect((await run.row()).status).toBe("RUNNING");
});

test("a member of two tenants reaches only the runs of the one he is signed in to", async ({
  actions,
  acme,
  world,
}) => {
  const other = await world.tenant();
  const inOther = await other.user("owner", { existing: acme.owner });
  const run = await acme.workflow.run();

  const reply = await actions.call(cancelRun, inOther, { runId: run.id });

  expect(reply).toBeRefused("NOT_FOUND");
  expect((await run.row()).status).toBe("PENDING");
});

test("a removed member cancels nothing", async ({ actions, acme, db }) => {
  const gone = await acme.tenant.user("admin");
  const run = await acme.workflow.run();
  await db.db.execute(
    sql`update memberships set status = 'REMOVED', removed_at = now() where id = ${gone.membershipId}`,
  );

  const reply = await actions.call(cancelRun, gone, { runId: run.id });

  expect(reply).toBeRefused("FORBIDDEN");
  expect((await run.row()).status).toBe("PENDING");
});

test("what names no run is bad input", async ({ actions, acme }) => {
  const inputs = [{}, { runId: "7" }, { runId: null }, { runId: randomUUID(), force: true }];

  const replies = [];
  for (const input of inputs) replies.push(await actions.call(cancelRun, acme.owner, input));

  for (const reply of replies) expect(reply).toBeRefused("BAD_INPUT");
});

test("the trail says who cancelled which run", async ({ actions, acme }) => {
  const run = await acme.workflow.run();

  await actions.succeed(cancelRun, acme.owner, { runId: run.id });

  const trail = (await acme.tenant.audit()).filter(({ targetId, actorId }) => targetId === run.id && actorId !== null);
  expect(trail).toMatchObject([{ actorId: acme.owner.id, actorRole: "owner", source: "orchestrator" }]);
});
