import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { cancelRun } from "../src/actions/cancel-run.ts";
import { sweepPass } from "../src/domain/sweep-pass.ts";
import { test } from "./acme.ts";
import { leaveLease } from "./passed-time.ts";
import { callRunner, cutPostgres, RUNNER_TOKEN } from "./service.ts";

const STALE = { outcome: "refused", status: 409, code: "STALE_ATTEMPT" };
const AWAY = { code: "AWAY", message: "try later", retryable: true };

describe("works", () => {
  test("the lease is extended to a minute from this beat", async ({ acme, db, runner }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    await leaveLease(db, run, 5);

    const beat = await attempt.heartbeat();

    const row = await run.row();
    expect(beat).toEqual({
      outcome: "accepted",
      leaseExpiresAt: row.leaseExpiresAt?.toISOString(),
      deadlineAt: row.deadlineAt.toISOString(),
      appliedSeq: 0,
      cancelRequested: false,
    });
    const { rows } = await db.pool.query(
      "select lease_expires_at - updated_at = interval '60 seconds' as minute from workflow_runs",
    );
    expect(rows).toEqual([{ minute: true }]);
  });

  test("a beat changes nothing but the lease, and neither does its repeat", async ({ acme, runner }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    const before = await run.row();
    const steps = await run.steps();

    const beats = [await attempt.heartbeat(), await attempt.heartbeat()];

    expect(beats).toMatchObject([{ outcome: "accepted" }, { outcome: "accepted" }]);
    const { leaseExpiresAt, updatedAt, changeSeq } = await run.row();
    expect(await run.row()).toEqual({ ...before, leaseExpiresAt, updatedAt, changeSeq });
    expect(await run.steps()).toEqual(steps);
  });

  test("the reply says up to which event the runner was heard", async ({ acme, runner }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    await attempt.send(
      { type: "step.started", stepKey: "echo" },
      { type: "step.succeeded", stepKey: "echo", output: 1 },
    );
    const [, ahead] = attempt.number(
      { type: "step.skipped", stepKey: "echo" },
      { type: "step.skipped", stepKey: "echo" },
    );
    await attempt.sendNumbered(ahead === undefined ? [] : [ahead]);

    const beat = await attempt.heartbeat();

    expect(beat).toMatchObject({ appliedSeq: 2 });
  });

  test("a cancel request is heard in the next beat, which keeps the lease", async ({ acme, actions, db, runner }) => {
    const owner = await acme.tenant.user("owner");
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    const before = await attempt.heartbeat();
    await actions.succeed(cancelRun, owner, { runId: run.id });
    await leaveLease(db, run, 5);

    const after = await attempt.heartbeat();

    expect([before, after]).toMatchObject([{ cancelRequested: false }, { cancelRequested: true }]);
    const { rows } = await db.pool.query(
      "select status, lease_expires_at - updated_at = interval '60 seconds' as minute from workflow_runs",
    );
    expect(rows).toEqual([{ status: "CANCELLING", minute: true }]);
  });

  test("a lapsed lease that nobody took away is the holder's again", async ({ acme, db, runner, service }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    await leaveLease(db, run, -30);

    const beat = await attempt.heartbeat();
    await sweepPass(service.deps);

    expect(beat).toMatchObject({ outcome: "accepted" });
    expect(await run.row()).toMatchObject({ status: "RUNNING", attempt: 1 });
  });

  test("a beat does not put off the deadline", async ({ acme, db, runner, service }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    await db.db.execute(sql`update workflow_runs set deadline_at = now() - interval '1 second' where id = ${run.id}`);

    const late = await attempt.heartbeat();
    await sweepPass(service.deps);
    const over = await attempt.heartbeat();

    expect(late).toMatchObject({ outcome: "accepted" });
    expect(over).toMatchObject(STALE);
    expect((await run.row()).status).toBe("TIMED_OUT");
  });
});

describe("is stale", () => {
  test("when the lease was lost and the next attempt waits, is queued, or runs", async ({
    acme,
    db,
    runner,
    service,
  }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const lost = await runner.claim(run.id);
    await leaveLease(db, run, -1);
    await sweepPass(service.deps);
    const pretender = runner.forge(lost, { attempt: 2 });

    const waiting = [await lost.heartbeat(), await pretender.heartbeat()];
    await db.db.execute(sql`update workflow_runs set status = 'QUEUED', queued_at = now() where id = ${run.id}`);
    const queued = [await lost.heartbeat(), await pretender.heartbeat()];
    const next = await runner.claim(run.id, 2);
    const before = await run.row();
    const running = [await lost.heartbeat(), await pretender.heartbeat()];

    for (const beat of [...waiting, ...queued, ...running]) expect(beat).toMatchObject(STALE);
    expect(await run.row()).toEqual(before);
    expect(await next.heartbeat()).toMatchObject({ outcome: "accepted" });
  });

  test("when the runner itself gave the attempt back", async ({ acme, runner }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    await attempt.send({ type: "run.failed", error: AWAY });

    expect(await attempt.heartbeat()).toMatchObject(STALE);
    expect(await run.row()).toMatchObject({ status: "PENDING", attempt: 2, leaseExpiresAt: null });
  });

  for (const status of ["SUCCEEDED", "FAILED"] as const) {
    test(`when the run is ${status}, which stays as it is`, async ({ acme, service }) => {
      const run = await acme.workflow.run({ status });
      const before = await run.row();

      const reply = await callRunner(service, run.id, "heartbeat", run.leaseToken, { attempt: 1 });

      expect([reply.status, reply.code]).toEqual([409, "STALE_ATTEMPT"]);
      expect(await run.row()).toEqual(before);
    });
  }

  test("when the run was cancelled without its runner", async ({ acme, actions, db, runner, service }) => {
    const owner = await acme.tenant.user("owner");
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    await actions.succeed(cancelRun, owner, { runId: run.id });
    await db.db.execute(sql`update workflow_runs set cancel_requested_at = now() - interval '31 seconds'`);
    await sweepPass(service.deps);
    const before = await run.row();

    const beat = await attempt.heartbeat();

    expect(beat).toMatchObject(STALE);
    expect(before.status).toBe("CANCELLED");
    expect(await run.row()).toEqual(before);
  });

  test("with another token, another run's token, another attempt, and for a run that does not exist", async ({
    acme,
    runner,
    service,
  }) => {
    const run = await acme.workflow.run({ status: "QUEUED" });
    const attempt = await runner.claim(run.id);
    const other = await runner.claim((await acme.workflow.run({ status: "QUEUED" })).id);
    const before = await run.row();
    const beat = (runId: string, token: string, number: number) =>
      callRunner(service, runId, "heartbeat", token, { attempt: number });

    const replies = [
      await beat(run.id, `lt_${"A".repeat(43)}`, 1),
      await beat(run.id, other.claim.leaseToken, 1),
      await beat(run.id, attempt.claim.leaseToken, 2),
      await beat(run.id, attempt.claim.leaseToken, 2_147_483_648),
      await beat(randomUUID(), attempt.claim.leaseToken, 1),
      await beat("7", attempt.claim.leaseToken, 1),
    ];

    for (const { status, code } of replies) expect([status, code]).toEqual([409, "STALE_ATTEMPT"]);
    expect(new Set(replies.map(({ text }) => text.replace(/"requestId":"[^"]*"/, ""))).size).toBe(1);
    expect(await run.row()).toEqual(before);
  });
});

test("without a well-formed lease token nobody is known, before the body is read", async ({
  acme,
  runner,
  service,
}) => {
  const run = await acme.workflow.run({ status: "QUEUED" });
  const { leaseToken } = (await runner.claim(run.id)).claim;
  const before = await run.row();
  const tokens = [undefined, "", RUNNER_TOKEN, "lt_", leaseToken.slice(3), leaseToken.slice(0, -1), `${leaseToken}A`];

  const replies = [];
  for (const token of tokens) replies.push(await callRunner(service, run.id, "heartbeat", token, "{ this is no json"));

  for (const { status, code } of replies) expect([status, code]).toEqual([401, "UNAUTHENTICATED"]);
  expect(await run.row()).toEqual(before);
});

test("a body that does not fit is bad input, one of more than 1 MiB too large", async ({ acme, runner, service }) => {
  const run = await acme.workflow.run({ status: "QUEUED" });
  const { leaseToken } = (await runner.claim(run.id)).claim;
  const before = await run.row();
  const call = (body: unknown) => callRunner(service, run.id, "heartbeat", leaseToken, body);
  const bodies = ["", "{", null, [], {}, { attempt: 0 }, { attempt: "1" }, { attempt: 1.5 }];

  const replies = [];
  for (const body of bodies) replies.push(await call(body));
  const large = await call({ attempt: 1, padding: "x".repeat(1_048_576) });

  for (const { status, code } of replies) expect([status, code]).toEqual([400, "BAD_INPUT"]);
  expect([large.status, large.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  expect(await run.row()).toEqual(before);
});

test("with PostgreSQL away the runner is told to come back, and its beat counts when it does", async ({
  acme,
  db,
  runner,
  service,
}) => {
  const run = await acme.workflow.run({ status: "QUEUED" });
  const attempt = await runner.claim(run.id);
  const mend = await cutPostgres(db, service);

  const away = await callRunner(service, run.id, "heartbeat", attempt.lease.leaseToken, { attempt: 1 });
  await mend();
  const back = await attempt.heartbeat();

  expect([away.status, away.code, away.headers["retry-after"]]).toEqual([503, "UNAVAILABLE", "5"]);
  expect(back).toMatchObject({ outcome: "accepted" });
});
