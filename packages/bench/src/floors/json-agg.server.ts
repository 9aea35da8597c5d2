// The floor: Fastify and one hand-written statement per request, no permissions, no GraphQL.
import fastify from "fastify";
import pg from "pg";

const { DATABASE_URL, PORT } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 16 });
const server = fastify();

const LIST = `
  select coalesce(json_agg(json_build_object('id', w.id, 'name', w.name, 'runs', r.list) order by w.name), '[]')::text as data
    from (select id, name, tenant_id from workflows where tenant_id = $1 order by name limit 20) w
   cross join lateral (
     select coalesce(json_agg(json_build_object('id', x.id, 'status', x.status, 'source', x.source,
              'attempt', x.attempt, 'created_at', x.created_at, 'finished_at', x.finished_at) order by x.created_at desc), '[]') as list
       from (select * from workflow_runs where tenant_id = w.tenant_id and workflow_id = w.id
              order by created_at desc limit 5) x) r`;
const ONE = `
  select json_build_object('id', id, 'status', status, 'source', source, 'attempt', attempt,
           'created_at', created_at, 'finished_at', finished_at, 'input', input)::text as data
    from workflow_runs where tenant_id = $1 and id = $2`;

server.post<{ Body: { tenant: string } }>("/list", async (request, reply) => {
  const { rows } = await pool.query<{ data: string }>({ name: "list", text: LIST, values: [request.body.tenant] });
  return reply.type("application/json").send(rows[0]?.data);
});
server.post<{ Body: { tenant: string; id: string } }>("/one", async (request, reply) => {
  const { tenant, id } = request.body;
  const { rows } = await pool.query<{ data: string }>({ name: "one", text: ONE, values: [tenant, id] });
  return reply.type("application/json").send(rows[0]?.data ?? "null");
});
server.get("/ready", async () => (await pool.query("select 1")).rowCount);

process.on("SIGTERM", () => void server.close().then(() => pool.end()));
await server.listen({ host: "127.0.0.1", port: Number(PORT) });
