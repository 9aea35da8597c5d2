// The floor of dispatch: the oldest 50 rows, whoever they belong to, then their jobs. Prints rows per second.
import { Queue } from "bullmq";
import pg from "pg";

const { DATABASE_URL, REDIS_URL = "", ROWS = "50000" } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 1 });
const queue = new Queue("floor", { connection: { url: REDIS_URL } });

await pool.query(
  "create table runs (id uuid primary key default uuidv7(), tenant_id int not null, status text not null default 'PENDING')",
);
await pool.query("create index on runs (id) where status = 'PENDING'");
await pool.query("insert into runs (tenant_id) select n % 50 from generate_series(1, $1::int) n", [Number(ROWS)]);
await pool.query("analyze runs");
const TAKE = `update runs set status = 'QUEUED' from
  (select id from runs where status = 'PENDING' order by id for update skip locked limit 50) due where runs.id = due.id returning runs.id`;

const startedAt = performance.now();
let taken = 0;
for (;;) {
  const { rows } = await pool.query<{ id: string }>({ name: "take", text: TAKE });
  if (rows.length === 0) break;
  await queue.addBulk(rows.map(({ id }) => ({ name: "run", data: { runId: id }, opts: { jobId: id } })));
  taken += rows.length;
}
process.stdout.write(
  JSON.stringify({ requests: taken, requestsPerSecond: (taken * 1_000) / (performance.now() - startedAt) }),
);
process.exit(0);
