import { runRequested } from "@control-plane/queue";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";
import type { Acknowledged } from "../sender.ts";
import { type Finding, findBroken } from "./finding.ts";
import { judgeLedger, type LedgerEntry } from "./ledger.ts";
import { auditRules, intakeRules, type Patience, progressRules, stateRules, tenantRules } from "./rules.ts";
import { moveRules } from "./watch-moves.ts";

export type AuditInput = {
  databaseUrl: string;
  redisUrl: string;
  queuePrefix: string;
  patience: Patience & { queuedSeconds: number };
  /** What a sender was told, where there is one to ask. */
  acknowledged?: readonly Acknowledged[];
  /** What the runners did, where they kept a ledger. */
  ledger?: readonly LedgerEntry[];
};

/** Everything that breaks one of the invariants I1 to I6; reads only. */
export async function auditInvariants(input: AuditInput): Promise<Finding[]> {
  const client = new pg.Client({ connectionString: input.databaseUrl, application_name: "audit-invariants" });
  await client.connect();
  try {
    await client.query("begin transaction isolation level repeatable read read only");
    const { rows } = await client.query<{ watched: boolean }>(
      "select to_regclass('faults.moves') is not null as watched",
    );
    return [
      ...(await findBroken(client, [
        ...intakeRules,
        ...progressRules(input.patience),
        ...stateRules,
        ...(rows[0]?.watched === true ? moveRules : []),
        ...tenantRules,
        ...auditRules,
      ])),
      ...(await findUnqueued(client, input)),
      ...(await findLost(client, input.acknowledged ?? [])),
      ...judgeLedger(input.ledger ?? []),
    ];
  } finally {
    await client.end();
  }
}

/** A run that is QUEUED for long has its job in Redis, or nobody will ever take it. */
async function findUnqueued(client: pg.ClientBase, input: AuditInput): Promise<Finding[]> {
  const { rows } = await client.query<{ id: string; attempt: number }>(
    `select id, attempt from workflow_runs where status = 'QUEUED' and queued_at < now() - make_interval(secs => $1) limit 1000`,
    [input.patience.queuedSeconds],
  );
  if (rows.length === 0) return [];
  const connection = new Redis(input.redisUrl, { maxRetriesPerRequest: 3 });
  connection.on("error", () => {});
  const requests = new Queue(runRequested.name, { connection, prefix: input.queuePrefix });
  try {
    const findings: Finding[] = [];
    for (const { id, attempt } of rows) {
      const state = await requests.getJobState(runRequested.jobId({ runId: id, attempt }));
      if (state !== "completed" && state !== "failed" && state !== "unknown") continue;
      findings.push({ invariant: "I2", kind: "stuck", subject: id, what: `a run is QUEUED and its job is ${state}` });
    }
    return findings;
  } finally {
    await requests.close();
    connection.disconnect();
  }
}

/** Every id that was answered 2xx is one delivery and one run, and was always answered with the same two. */
async function findLost(client: pg.ClientBase, acknowledged: readonly Acknowledged[]): Promise<Finding[]> {
  const first = new Map<string, Acknowledged>();
  const findings: Finding[] = [];
  for (const one of acknowledged) {
    const key = `${one.triggerId} ${one.senderId}`;
    const known = first.get(key) ?? one;
    first.set(key, known);
    if (known.runId !== one.runId || known.deliveryId !== one.deliveryId)
      findings.push({ invariant: "I1", kind: "dup", subject: one.senderId, what: "an id was answered with two runs" });
  }
  const all = [...first.values()];
  const { rows } = await client.query<{ subject: string; deliveries: number; runs: number }>(
    `select a.sender_id as subject,
            (select count(*)::int from webhook_deliveries d where d.trigger_id = a.trigger_id and d.sender_id = a.sender_id) as deliveries,
            (select count(*)::int from workflow_runs r where r.id = a.run_id and r.webhook_delivery_id = a.delivery_id and r.source = 'WEBHOOK') as runs
       from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) as a (sender_id, trigger_id, delivery_id, run_id)`,
    [
      all.map(({ senderId }) => senderId),
      all.map(({ triggerId }) => triggerId),
      all.map(({ deliveryId }) => deliveryId),
      all.map(({ runId }) => runId),
    ],
  );
  for (const { subject, deliveries, runs } of rows) {
    if (deliveries === 0 || runs === 0)
      findings.push({ invariant: "I1", kind: "lost", subject, what: "it was acknowledged and is not there" });
    if (deliveries > 1) findings.push({ invariant: "I1", kind: "dup", subject, what: "one id has two deliveries" });
  }
  return findings;
}
