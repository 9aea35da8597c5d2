import { deadLetters } from "@control-plane/db";
import type { TestDatabase, TestRun, TestTenant } from "@control-plane/testkit";

/** Everything a runner's call could change. */
export const stateOf = async (run: TestRun) => [await run.row(), await run.steps()];

export const statusOf = async (run: TestRun) => (await run.row()).status;

/** By the key of the step. */
export const stepStatusesOf = async (run: TestRun) =>
  Object.fromEntries((await run.steps()).map(({ stepKey, status }) => [stepKey, status]));

export const runStatusesOf = async (tenant: TestTenant) => (await tenant.runs()).map(({ status }) => status);

export const deadLettersIn = ({ db }: TestDatabase) => db.select().from(deadLetters).orderBy(deadLetters.id);

export async function countBufferedEvents(db: TestDatabase): Promise<number> {
  const { rowCount } = await db.pool.query("select 1 from internal.run_event_buffer");
  return rowCount ?? 0;
}
