import { isRefusal, runStatus, type workflowRuns } from "@control-plane/db";
import { test as base, type TestDatabase, type World } from "@control-plane/testkit";
import { sql } from "drizzle-orm";
import { describe, expect } from "vitest";
import { isTerminal, MAY_BECOME, type RunStatus } from "../src/lifecycle.ts";
import { moveRun } from "../src/move-run.ts";

/** The moves of docs/reference/runs.md, written down once more: the code and the database are both held to them. */
const MOVES = [
  "PENDING QUEUED",
  "PENDING FAILED",
  "PENDING CANCELLED",
  "PENDING TIMED_OUT",
  "QUEUED CANCELLED",
  "QUEUED TIMED_OUT",
  "QUEUED RUNNING",
  "RUNNING SUCCEEDED",
  "RUNNING FAILED",
  "RUNNING PENDING",
  "RUNNING TIMED_OUT",
  "RUNNING CANCELLING",
  "CANCELLING CANCELLED",
  "CANCELLING SUCCEEDED",
  "CANCELLING FAILED",
];
const STATUSES = runStatus.enumValues;
const pairs = STATUSES.flatMap((from) => STATUSES.map((to): [RunStatus, RunStatus] => [from, to]));
const isMove = (from: RunStatus, to: RunStatus): boolean => MOVES.includes(`${from} ${to}`);

const test = base.extend("workflow", async ({ world }: { db: TestDatabase; world: World }) =>
  (await world.tenant()).workflow(),
);

const held = (status: RunStatus): boolean => status === "RUNNING" || status === "CANCELLING";
type Changes = Partial<typeof workflowRuns.$inferInsert>;
/** What the CHECK constraints want of a row in this status, so that only the move itself can be refused. */
const columnsOf = (from: RunStatus, to: RunStatus): Changes => ({
  finishedAt: isTerminal(to) ? new Date() : null,
  leaseExpiresAt: held(to) ? new Date() : null,
  ...(from === "RUNNING" && to === "PENDING" ? { attempt: 2 } : {}),
});

test("the table of moves is the specification's", () => {
  expect(STATUSES.flatMap((from) => MAY_BECOME[from].map((to) => `${from} ${to}`)).sort()).toEqual([...MOVES].sort());
});

test("the database makes every move of the table and refuses every other", async ({ db, workflow }) => {
  for (const [from, to] of pairs) {
    const run = await workflow.run({ status: from });
    const { attempt, ...columns } = columnsOf(from, to);
    const move = db.pool
      .query(
        "update workflow_runs set status = $2, finished_at = $3, lease_expires_at = $4, attempt = $5 where id = $1",
        [run.id, to, columns.finishedAt, columns.leaseExpiresAt, attempt ?? 1],
      )
      .then(
        () => "made",
        (error: unknown) => (isRefusal(error, "RUN_TRANSITION") ? "refused" : error),
      );

    // A row that stays as it is, is no move; a terminal one is frozen even so, as its end would change.
    const stays = from === to && !isTerminal(from);
    expect(await move, `${from} to ${to}`).toBe(stays || isMove(from, to) ? "made" : "refused");
    expect((await run.row()).status).toBe(isMove(from, to) ? to : from);
  }
});

test("the code makes every move of the table and refuses every other before it asks the database", async ({
  db,
  workflow,
}) => {
  for (const [from, to] of pairs) {
    const run = await workflow.run({ status: from });
    const row = await run.row();
    const move = () => moveRun(db.db, row, to, columnsOf(from, to));

    if (isMove(from, to)) expect(await move(), `${from} to ${to}`).toBe(true);
    else await expect(move(), `${from} to ${to}`).rejects.toThrow(`a run does not go from ${from} to ${to}`);

    const after = await run.row();
    expect(after.status).toBe(isMove(from, to) ? to : from);
    expect(after.finishedAt !== null).toBe(isTerminal(after.status));
    expect(after.leaseExpiresAt !== null).toBe(held(after.status));
  }
});

describe("the database", () => {
  test("takes new runs in no status but PENDING, and as attempt 1", async ({ db, workflow }) => {
    const insert = (status: RunStatus, attempt: number) =>
      db.pool.query(
        `insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, max_attempts, deadline_at, status, attempt,
                                    finished_at, lease_expires_at)
         values ($1, $2, $3, 'MANUAL', 3, now(), $4, $5, $6, $7)`,
        [
          workflow.tenantId,
          workflow.id,
          workflow.version.id,
          status,
          attempt,
          isTerminal(status) ? new Date() : null,
          held(status) ? new Date() : null,
        ],
      );

    for (const status of STATUSES.filter((one) => one !== "PENDING"))
      await expect(insert(status, 1), status).rejects.toThrow("RUN_TRANSITION");
    await expect(insert("PENDING", 2)).rejects.toThrow("RUN_TRANSITION");
    await insert("PENDING", 1);
  });

  test.for(STATUSES.filter(isTerminal).map((status) => [status] as const))(
    "freezes a %s row but for keys that become null",
    async ([status], { db, workflow }) => {
      const trigger = await workflow.schedule();
      const run = await workflow.run({ status, triggerId: trigger.id });
      const change = (assignment: string) =>
        db.pool.query(`update workflow_runs set ${assignment} where id = '${run.id}'`);

      for (const assignment of [
        `output = '1'`,
        `error = '{"code": "X"}'`,
        "attempt = 2",
        "finished_at = now() + interval '1 s'",
        "last_event_seq = 9",
        "input = '2'",
        "run_at = now() + interval '1 h'",
        "runner_id = 'other'",
      ])
        await expect(change(assignment), assignment).rejects.toThrow("RUN_TRANSITION");
      await change("trigger_id = null");
    },
  );

  test.for([
    ["PENDING", 2],
    ["QUEUED", 0],
    ["RUNNING", 2],
    ["CANCELLING", 2],
  ] as const)("lets no %s run become attempt %i without a retry", async ([status, attempt], { db, workflow }) => {
    const run = await workflow.run({ status });

    await expect(
      db.pool.query("update workflow_runs set attempt = $2 where id = $1", [run.id, attempt]),
    ).rejects.toThrow("RUN_TRANSITION");
  });

  test.for([1, 3])("lets a retry count one attempt on, not to %i", async (attempt, { db, workflow }) => {
    const run = await workflow.run({ status: "RUNNING" });

    await expect(
      db.pool.query(
        "update workflow_runs set status = 'PENDING', lease_expires_at = null, attempt = $2 where id = $1",
        [run.id, attempt],
      ),
    ).rejects.toThrow("RUN_TRANSITION");
  });
});

describe("a move is conditional:", () => {
  test("of many at once from the same reading one is made", async ({ db, workflow }) => {
    for (const from of ["PENDING", "QUEUED", "RUNNING", "CANCELLING"] as const) {
      const run = await workflow.run({ status: from });
      const row = await run.row();
      const targets: readonly RunStatus[] = MAY_BECOME[from];

      const moved = await Promise.all(
        Array.from({ length: 20 }, (_, n) => {
          const to = targets[n % targets.length] ?? "CANCELLED";
          return moveRun(db.db, row, to, columnsOf(from, to)).then((made) => (made ? [to] : []));
        }),
      );

      expect(moved.flat()).toHaveLength(1);
      expect((await run.row()).status).toBe(moved.flat()[0]);
    }
  });

  test("a reading that is stale by status, attempt or tenant changes nothing", async ({ db, world, workflow }) => {
    const run = await workflow.run({ status: "RUNNING" });
    const row = await run.row();
    const other = await world.tenant();

    for (const stale of [
      { ...row, status: "QUEUED" as const },
      { ...row, attempt: 2 },
      { ...row, tenantId: other.id },
    ])
      expect(await moveRun(db.db, stale, stale.status === "QUEUED" ? "CANCELLED" : "FAILED")).toBe(false);

    expect(await run.row()).toEqual(row);
  });

  test("it waits for who holds the row and then sees what he did", async ({ db, workflow }) => {
    const run = await workflow.run({ status: "RUNNING" });
    const row = await run.row();

    const made = await db.db.transaction(async (tx) => {
      await moveRun(tx, row, "SUCCEEDED");
      const late = moveRun(db.db, row, "CANCELLING");
      await expect
        .poll(async () => {
          const { rows } = await tx.execute(sql`select count(*)::int as waiting from pg_locks where not granted`);
          return rows[0]?.["waiting"];
        })
        .toBeGreaterThan(0);
      return { late };
    });

    expect(await made.late).toBe(false);
    expect((await run.row()).status).toBe("SUCCEEDED");
  });
});
