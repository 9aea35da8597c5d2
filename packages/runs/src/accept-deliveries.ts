import { binaryArray, type Database, isDataError, repeatOnConflict, type Statements } from "@control-plane/db";
import { OutageError } from "@control-plane/service-kit/outage";
import { fillPlaceholders, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { z } from "zod";
import { attemptsOf, queueDeadline } from "./run-defaults.ts";

/** One verified webhook request, ready to be written. */
export type NewDelivery = {
  deliveryId: string;
  runId: string;
  tenantId: string;
  triggerId: string;
  senderId: string | undefined;
  dedupeKey: Buffer | undefined;
  replayKey: Buffer | undefined;
  bodyHash: Buffer;
  bodyBytes: number;
  bodyCipher: Buffer;
  contentType: string | undefined;
  headers: Readonly<Record<string, string>>;
  matchedSecret: "CURRENT" | "PREVIOUS" | "NONE";
  sourceIp: string | undefined;
  /** The run's input as JSON text, never re-serialised. */
  input: string;
  traceparent: string;
};

export type DeliveryOutcome =
  | { outcome: "accepted"; deliveryId: string; runId: string }
  | { outcome: "duplicate"; deliveryId: string; runId: string }
  /** The same key came with another body. */
  | { outcome: "conflict" }
  /** The trigger stopped receiving since it was looked up. */
  | { outcome: "not-receiving" }
  /** PostgreSQL cannot hold this body. */
  | { outcome: "unstorable" };

/**
 * Writes deliveries and their PENDING runs in one statement, the version pinned in it: after the commit both are there,
 * before it neither. A key seen before yields the first delivery instead. Outcomes come in the order of the input.
 * The statement goes through `statements`, such as a pipeline over the same database.
 */
export async function acceptDeliveries(
  db: Database,
  deliveries: readonly NewDelivery[],
  statements: Statements,
): Promise<DeliveryOutcome[]> {
  try {
    return await acceptBatch({ db, statements }, deliveries);
  } catch (error) {
    if (!isDataError(error)) throw error;
    if (deliveries.length === 1) return [{ outcome: "unstorable" }];
    // One body that PostgreSQL refuses must not cost the others: each goes alone.
    const outcomes: DeliveryOutcome[] = [];
    for (const delivery of deliveries) outcomes.push(...(await acceptDeliveries(db, [delivery], statements)));
    return outcomes;
  }
}

type Access = { db: Database; statements: Statements };

async function acceptBatch(
  access: Access,
  deliveries: readonly NewDelivery[],
  triesLeft = TRIES_MAX,
): Promise<DeliveryOutcome[]> {
  if (triesLeft === 0) throw new OutageError("the keys of deliveries are released faster than repeats are counted");
  // Two batches with the same keys lock them in the same order. A key that comes twice in one batch: the first wins.
  const sorted = [...deliveries].sort(
    (a, b) => compareText(a.triggerId, b.triggerId) || Buffer.compare(a.dedupeKey ?? EMPTY, b.dedupeKey ?? EMPTY),
  );
  const unwritten = await repeatOnConflict(() => insertBatch(access.statements, sorted));
  const repeated = deliveries.filter(({ deliveryId }) => unwritten.get(deliveryId) === "repeated");
  const first =
    repeated.length === 0
      ? new Map<string, DeliveryOutcome>()
      : await repeatOnConflict(() => countRepeats(access.db, repeated));
  // What was in the way of these is gone: retention released its keys, or somebody deleted the trigger.
  const free = repeated.filter(({ deliveryId }) => !first.has(deliveryId));
  const late = free.length === 0 ? [] : await acceptBatch(access, free, triesLeft - 1);
  for (const [index, outcome] of late.entries()) first.set(free[index]?.deliveryId ?? "", outcome);
  return deliveries.map(({ deliveryId, runId }) => {
    if (!unwritten.has(deliveryId)) return { outcome: "accepted", deliveryId, runId };
    return first.get(deliveryId) ?? { outcome: "not-receiving" };
  });
}

const TRIES_MAX = 3;
const EMPTY = Buffer.alloc(0);

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

const column = (name: keyof ReturnType<typeof columnsOf>, type: string) =>
  sql`${sql.placeholder(name)}::${sql.raw(type)}[]`;

/** Answers with what was not written; everything else was. */
const INSERT = new PgDialect().sqlToQuery(sql`
    with input as (
      select * from unnest(
        ${column("deliveryId", "uuid")}, ${column("runId", "uuid")}, ${column("tenantId", "uuid")}, ${column("triggerId", "uuid")},
        ${column("senderId", "text")}, ${column("dedupeKey", "bytea")}, ${column("replayKey", "bytea")}, ${column("bodyHash", "bytea")},
        ${column("bodyBytes", "int")}, ${column("bodyCipher", "bytea")}, ${column("contentType", "text")}, ${column("headers", "text")},
        ${column("matchedSecret", "text")}, ${column("sourceIp", "text")}, ${column("input", "text")}, ${column("traceparent", "text")})
        with ordinality
        as i(delivery_id, run_id, tenant_id, trigger_id, sender_id, dedupe_key, replay_key, body_hash, body_bytes, body_cipher, content_type,
             headers, matched_secret, source_ip, input, traceparent, place)),
    target as (
      select i.*, t.workflow_id, v.id as version_id,
             ${attemptsOf(sql`v.definition`)} as max_attempts
        from input i
        join triggers t on t.tenant_id = i.tenant_id and t.id = i.trigger_id and t.enabled and t.type = 'WEBHOOK'
        join workflows w on w.tenant_id = t.tenant_id and w.id = t.workflow_id and w.archived_at is null
        join workflow_versions v on v.tenant_id = w.tenant_id and v.workflow_id = w.id and v.is_latest),
    delivery as (
      insert into webhook_deliveries (id, tenant_id, trigger_id, sender_id, dedupe_key, replay_key, body_hash, body_bytes, body_cipher,
                                      content_type, headers, matched_secret, source_ip)
      select delivery_id, tenant_id, trigger_id, sender_id, dedupe_key, replay_key, body_hash, body_bytes, body_cipher,
             content_type, headers::jsonb, matched_secret, source_ip::inet
        from target order by place
      on conflict do nothing
      returning id),
    run as (
      insert into workflow_runs (id, tenant_id, workflow_id, workflow_version_id, source, trigger_id, webhook_delivery_id, input,
                                 max_attempts, run_at, deadline_at, traceparent)
      select run_id, tenant_id, workflow_id, version_id, 'WEBHOOK', trigger_id, delivery_id, input::jsonb,
             max_attempts, now(), ${queueDeadline()}, traceparent
        from target join delivery on delivery.id = target.delivery_id
      returning webhook_delivery_id)
    select i.delivery_id, target.delivery_id is not null as receiving
      from input i
      left join target on target.delivery_id = i.delivery_id
     where not exists (select from run where run.webhook_delivery_id = i.delivery_id)`);

const unwrittenSchema = z.array(z.object({ delivery_id: z.uuid(), receiving: z.boolean() }));

/** Prepared under a name: planning it costs more than a third of running it. */
async function insertBatch(
  statements: Statements,
  rows: readonly NewDelivery[],
): Promise<Map<string, "repeated" | "not-receiving">> {
  const values = fillPlaceholders(INSERT.params, columnsOf(rows));
  const result = await statements.query({ name: "accept_deliveries", text: INSERT.sql, values });
  return new Map(
    unwrittenSchema.parse(result.rows).map((row) => [row.delivery_id, row.receiving ? "repeated" : "not-receiving"]),
  );
}

function columnsOf(rows: readonly NewDelivery[]) {
  return {
    deliveryId: binaryArray(
      "uuid",
      rows.map((row) => row.deliveryId),
    ),
    runId: binaryArray(
      "uuid",
      rows.map((row) => row.runId),
    ),
    tenantId: binaryArray(
      "uuid",
      rows.map((row) => row.tenantId),
    ),
    triggerId: binaryArray(
      "uuid",
      rows.map((row) => row.triggerId),
    ),
    senderId: binaryArray(
      "text",
      rows.map((row) => row.senderId),
    ),
    dedupeKey: binaryArray(
      "bytea",
      rows.map((row) => row.dedupeKey),
    ),
    replayKey: binaryArray(
      "bytea",
      rows.map((row) => row.replayKey),
    ),
    bodyHash: binaryArray(
      "bytea",
      rows.map((row) => row.bodyHash),
    ),
    bodyBytes: binaryArray(
      "int4",
      rows.map((row) => row.bodyBytes),
    ),
    bodyCipher: binaryArray(
      "bytea",
      rows.map((row) => row.bodyCipher),
    ),
    contentType: binaryArray(
      "text",
      rows.map((row) => row.contentType),
    ),
    headers: binaryArray(
      "text",
      rows.map((row) => JSON.stringify(row.headers)),
    ),
    matchedSecret: binaryArray(
      "text",
      rows.map((row) => row.matchedSecret),
    ),
    sourceIp: binaryArray(
      "text",
      rows.map((row) => row.sourceIp),
    ),
    input: binaryArray(
      "text",
      rows.map((row) => row.input),
    ),
    traceparent: binaryArray(
      "text",
      rows.map((row) => row.traceparent),
    ),
  };
}

const repeatSchema = z.array(
  z.object({
    delivery_id: z.uuid(),
    first_id: z.uuid(),
    first_run_id: z.uuid().nullable(),
    by_id: z.boolean(),
    same_body: z.boolean(),
  }),
);

/** Finds the first delivery of each repeated one by its keys, compares the bodies and counts the repeat there. */
async function countRepeats(db: Database, rows: readonly NewDelivery[]): Promise<Map<string, DeliveryOutcome>> {
  const column = <T>(pick: (delivery: NewDelivery) => T) => sql.param(rows.map(pick));
  const result = await db.execute(sql`
    with input as (
      select * from unnest(
        ${column((d) => d.deliveryId)}::uuid[], ${column((d) => d.triggerId)}::uuid[], ${column((d) => d.dedupeKey ?? null)}::bytea[],
        ${column((d) => d.replayKey ?? null)}::bytea[], ${column((d) => d.bodyHash)}::bytea[])
        as i(delivery_id, trigger_id, dedupe_key, replay_key, body_hash)),
    first as (
      select distinct on (i.delivery_id) i.delivery_id, d.id as first_id, d.tenant_id, d.dedupe_key is not distinct from i.dedupe_key as by_id,
             d.body_hash = i.body_hash as same_body
        from input i
        join webhook_deliveries d on d.trigger_id = i.trigger_id and (d.dedupe_key = i.dedupe_key or d.replay_key = i.replay_key)
       order by i.delivery_id, (d.dedupe_key = i.dedupe_key) desc nulls last),
    counted as (
      select first_id, count(*) filter (where by_id and same_body) as duplicates, count(*) filter (where by_id and not same_body) as conflicts,
             count(*) filter (where not by_id) as replays
        from first group by first_id order by first_id),
    bumped as (
      update webhook_deliveries d
         set duplicate_count = d.duplicate_count + c.duplicates, conflict_count = d.conflict_count + c.conflicts,
             replay_count = d.replay_count + c.replays, last_repeat_at = now()
        from counted c where d.id = c.first_id)
    select f.delivery_id, f.first_id, r.id as first_run_id, f.by_id, f.same_body
      from first f left join workflow_runs r on r.tenant_id = f.tenant_id and r.webhook_delivery_id = f.first_id and r.source = 'WEBHOOK'`);
  return new Map(
    repeatSchema.parse(result.rows).map((row): [string, DeliveryOutcome] => {
      if (row.by_id && !row.same_body) return [row.delivery_id, { outcome: "conflict" }];
      return [
        row.delivery_id,
        { outcome: "duplicate", deliveryId: row.first_id, runId: row.first_run_id ?? row.first_id },
      ];
    }),
  );
}
