// Our dispatcher as the orchestrator runs it, over what waits. What it queued is ended after each pass, off the clock, as
// runners would, so that window and slots are free again. Prints rows per second.
import { createDatabase } from "@control-plane/db";
import { createPublisher, runRequested } from "@control-plane/queue";
import { queueRuns } from "@control-plane/runs";
import pg from "pg";

const { ADMIN_URL, DATABASE_URL = "", REDIS_URL = "" } = process.env;
/** What the window grows to where runners take all that is queued between two passes, as here. */
const WINDOW = 200;
const END = [
  "update workflow_runs set status = 'RUNNING', started_at = now(), lease_expires_at = now() + interval '1 hour' where status = 'QUEUED'",
  "update workflow_runs set status = 'SUCCEEDED', finished_at = now(), lease_expires_at = null where status = 'RUNNING'",
] as const;

const runners = new pg.Client({ connectionString: ADMIN_URL });
await runners.connect();
const { db } = createDatabase({ url: DATABASE_URL, poolMax: 1, applicationName: "bench", work: "command" });
const jobs = createPublisher(runRequested, { url: REDIS_URL, prefix: "bull" }, () => undefined);
let taken = 0;
let milliseconds = 0;
for (;;) {
  const startedAt = performance.now();
  const pass = await queueRuns(db, WINDOW);
  if (pass.outcome === "busy") continue;
  await jobs.publishMany(pass.queued.map(({ runId, attempt }) => ({ runId, attempt })));
  milliseconds += performance.now() - startedAt;
  if (!pass.more) break;
  taken += pass.queued.length;
  for (const statement of END) await runners.query(statement);
}
process.stdout.write(JSON.stringify({ requests: taken, requestsPerSecond: (taken * 1_000) / milliseconds }));
process.exit(0);
