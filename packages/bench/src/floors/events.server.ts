// The floor of an event batch: Fastify and one prepared statement that updates a run and inserts a step.
import fastify from "fastify";
import pg from "pg";

const { DATABASE_URL, PORT, RUNS = "0" } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
await pool.query(
  "create table runs (id int primary key, seq int not null default 0, status text not null default 'RUNNING')",
);
await pool.query(
  "create table steps (id uuid primary key default uuidv7(), run_id int not null references runs, output jsonb not null)",
);
await pool.query("insert into runs (id) select generate_series(1, $1::int)", [Number(RUNS)]);
const APPLY = `
  with run as (update runs set seq = $2, status = 'SUCCEEDED' where id = $1 and seq < $2 returning id, seq)
  insert into steps (run_id, output) select id, $3 from run returning run_id`;

type Body = { events: readonly { seq: number }[] };
const server = fastify();
server.post<{ Params: { run: string }; Body: Body }>("/runs/:run/events", async (request) => {
  const { events } = request.body;
  const seq = events.at(-1)?.seq ?? 0;
  await pool.query({ name: "apply", text: APPLY, values: [Number(request.params.run), seq, JSON.stringify(events)] });
  return { appliedSeq: seq };
});
server.get("/ready", async () => (await pool.query("select 1")).rowCount);

process.on("SIGTERM", () => void server.close().then(() => pool.end()));
await server.listen({ host: "127.0.0.1", port: Number(PORT) });
