// What most would write: the run's row, then the job, each committed on its own. Whoever dies between the two loses a run.
import { randomUUID } from "node:crypto";
import { Queue } from "bullmq";
import pg from "pg";
import { serveWebhooks } from "./standard-webhooks.ts";

const { DATABASE_URL, HOOK_PATH, REDIS_URL = "" } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 16 });
const queue = new Queue("runs", { connection: { url: REDIS_URL } });

const SCHEMA = `
  create table tenants (id uuid primary key);
  create table workflows (id uuid primary key, tenant_id uuid not null references tenants);
  create table triggers (id uuid primary key, workflow_id uuid not null references workflows, path text not null unique);
  create table runs (
    id uuid primary key,
    tenant_id uuid not null references tenants,
    workflow_id uuid not null references workflows,
    trigger_id uuid not null references triggers,
    status text not null default 'PENDING',
    input jsonb not null,
    created_at timestamptz not null default now());
  create index on runs (tenant_id, created_at);
  create index on runs (workflow_id, created_at)`;
const INSERT = "insert into runs (id, tenant_id, workflow_id, trigger_id, input) values ($1, $2, $3, $4, $5)";

type Trigger = { id: string; workflowId: string; tenantId: string };

await pool.query(SCHEMA);
const trigger: Trigger = { id: randomUUID(), workflowId: randomUUID(), tenantId: randomUUID() };
await pool.query("insert into tenants values ($1)", [trigger.tenantId]);
await pool.query("insert into workflows values ($1, $2)", [trigger.workflowId, trigger.tenantId]);
await pool.query("insert into triggers values ($1, $2, $3)", [trigger.id, trigger.workflowId, HOOK_PATH]);
const triggers = new Map([[HOOK_PATH ?? "", trigger]]);

await serveWebhooks({
  async store({ path, body }) {
    const found = triggers.get(path);
    if (found === undefined) throw new Error("no such trigger");
    const runId = randomUUID();
    const values = [runId, found.tenantId, found.workflowId, found.id, body.toString("utf8")];
    await pool.query({ name: "insert", text: INSERT, values });
    await queue.add("run", { runId }, { jobId: runId });
  },
  close: () => Promise.all([queue.close(), pool.end()]),
});
