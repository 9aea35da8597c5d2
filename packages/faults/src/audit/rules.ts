import type { Rule } from "./finding.ts";

export type Patience = {
  /** Seconds a due run may wait although its tenant has a free slot and nothing of it is being dispatched. */
  pendingSeconds: number;
  /** Seconds a run may be past its lease, its deadline or its cancel grace. */
  overdueSeconds: number;
  cancelGraceSeconds: number;
};

const TERMINAL = "('SUCCEEDED','FAILED','CANCELLED','TIMED_OUT')";

/** Deliveries are deleted 30 days after they came; their runs stay. */
const KEPT = "interval '29 days'";

/** Every webhook that was taken is one delivery and one run. */
export const intakeRules: readonly Rule[] = [
  {
    invariant: "I1",
    kind: "lost",
    what: "a delivery has no run",
    select: `select d.id as subject from webhook_deliveries d
              where not exists (select 1 from workflow_runs r where r.webhook_delivery_id = d.id and r.source = 'WEBHOOK')`,
  },
  {
    invariant: "I1",
    kind: "lost",
    what: "a webhook's run has no delivery",
    select: `select r.id as subject from workflow_runs r left join webhook_deliveries d on d.id = r.webhook_delivery_id
              where r.source = 'WEBHOOK' and d.id is null and r.created_at > now() - ${KEPT}`,
  },
  {
    invariant: "I1",
    kind: "dup",
    what: "a delivery has more than one run",
    select: `select webhook_delivery_id as subject from workflow_runs where source = 'WEBHOOK' and webhook_delivery_id is not null
              group by webhook_delivery_id having count(*) > 1`,
  },
  {
    invariant: "I1",
    kind: "dup",
    what: "two deliveries of one trigger have one dedupe key",
    select: `select min(id::text) as subject from webhook_deliveries where dedupe_key is not null
              group by trigger_id, dedupe_key having count(*) > 1`,
  },
  {
    invariant: "I1",
    kind: "leaked",
    what: "a delivery was taken without a signature that its trigger demands",
    select: `select d.id as subject from webhook_deliveries d join triggers t on t.id = d.trigger_id
              where d.matched_secret = 'NONE' and t.signature_scheme <> 'NONE'`,
  },
  {
    invariant: "I1",
    kind: "dup",
    what: "a schedule's slot has more than one run",
    select: `select trigger_id as subject from workflow_runs where scheduled_for is not null
              group by trigger_id, scheduled_for having count(*) > 1`,
  },
];

/** Nothing waits for something that will not come. */
export const progressRules = (patience: Patience): readonly Rule[] => [
  {
    invariant: "I2",
    kind: "stuck",
    what: "a run is due, its tenant has a free slot, and nothing of the tenant is dispatched",
    select: `select r.id as subject from workflow_runs r join tenants t on t.id = r.tenant_id
              where r.status = 'PENDING' and r.run_at < now() - make_interval(secs => $1)
                and t.max_concurrent_runs > (select count(*) from workflow_runs f
                      where f.tenant_id = t.id and f.status in ('QUEUED','RUNNING','CANCELLING'))
                and not exists (select 1 from workflow_runs q
                      where q.tenant_id = t.id and q.queued_at > now() - make_interval(secs => $1))`,
    values: [patience.pendingSeconds],
  },
  {
    invariant: "I2",
    kind: "stuck",
    what: "a run is held under a lease that lapsed",
    select: `select id as subject from workflow_runs where status in ('RUNNING','CANCELLING')
              and (lease_expires_at is null or lease_expires_at < now() - make_interval(secs => $1))`,
    values: [patience.overdueSeconds],
  },
  {
    invariant: "I2",
    kind: "stuck",
    what: "a run is past its deadline",
    select: `select id as subject from workflow_runs where status in ('PENDING','QUEUED','RUNNING')
              and deadline_at < now() - make_interval(secs => $1)`,
    values: [patience.overdueSeconds],
  },
  {
    invariant: "I2",
    kind: "stuck",
    what: "a run is past its cancel grace",
    select: `select id as subject from workflow_runs where status = 'CANCELLING'
              and cancel_requested_at < now() - make_interval(secs => $1)`,
    values: [patience.cancelGraceSeconds + patience.overdueSeconds],
  },
];

/** An attempt is one runner's, and its rows say what a state may say. */
export const stateRules: readonly Rule[] = [
  {
    invariant: "I3",
    kind: "dup",
    what: "a step has two rows in one attempt",
    select: `select min(id::text) as subject from step_runs group by workflow_run_id, attempt, step_key having count(*) > 1`,
  },
  {
    invariant: "I3",
    kind: "dup",
    what: "a step belongs to an attempt that its run never reached",
    select: `select s.id as subject from step_runs s join workflow_runs r on r.id = s.workflow_run_id where s.attempt > r.attempt`,
  },
  {
    invariant: "I4",
    kind: "stuck",
    what: "a run is over and a step of its last attempt is open",
    select: `select r.id as subject from workflow_runs r join step_runs s on s.workflow_run_id = r.id and s.attempt = r.attempt
              where r.status in ${TERMINAL} and s.status in ('PENDING','RUNNING')`,
  },
  {
    invariant: "I4",
    kind: "stuck",
    what: "a run's end and its status disagree",
    select: `select id as subject from workflow_runs
              where (finished_at is not null) <> (status in ${TERMINAL}) or (status in ${TERMINAL} and lease_expires_at is not null)`,
  },
  {
    invariant: "I4",
    kind: "dup",
    what: "a run had more attempts than it may have",
    select: `select id as subject from workflow_runs where attempt > max_attempts`,
  },
];

/** Whatever belongs to one run is one tenant's. */
export const tenantRules: readonly Rule[] = [
  ["a step", "step_runs s join workflow_runs r on r.id = s.workflow_run_id", "s.tenant_id <> r.tenant_id", "s.id"],
  [
    "a delivery",
    "webhook_deliveries d join workflow_runs r on r.webhook_delivery_id = d.id",
    "d.tenant_id <> r.tenant_id",
    "r.id",
  ],
  ["a trigger", "triggers t join workflow_runs r on r.trigger_id = t.id", "t.tenant_id <> r.tenant_id", "r.id"],
  ["a workflow", "workflows w join workflow_runs r on r.workflow_id = w.id", "w.tenant_id <> r.tenant_id", "r.id"],
  [
    "a version",
    "workflow_versions v join workflow_runs r on r.workflow_version_id = v.id",
    "v.tenant_id <> r.tenant_id",
    "r.id",
  ],
  ["a retry", "workflow_runs o join workflow_runs r on r.retry_of_run_id = o.id", "o.tenant_id <> r.tenant_id", "r.id"],
  [
    "a dead letter",
    "dead_letters l join workflow_runs r on r.id = l.reference_id",
    "l.kind = 'RUN' and l.tenant_id <> r.tenant_id",
    "l.id",
  ],
].map(([what, from, where, id]) => ({
  invariant: "I5" as const,
  kind: "leaked" as const,
  what: `${what} of a run is another tenant's`,
  select: `select ${id} as subject from ${from} where ${where}`,
}));

const AUDITED = [
  ["tenants", "tenant"],
  ["users", "user"],
  ["memberships", "membership"],
  ["invitations", "invitation"],
  ["apps", "app"],
  ["app_versions", "app_version"],
  ["actions", "action"],
  ["connections", "connection"],
  ["workflows", "workflow"],
  ["workflow_versions", "workflow_version"],
  ["triggers", "trigger"],
  ["dead_letters", "dead_letter"],
] as const;

const count = (action: string, table: string) =>
  `(select count(*) from audit_events a where a.target_type = '${table}' and a.target_id = r.id and a.action in (${action}))`;

/** What is recorded is recorded once, in the transaction of the change; what is not, never. */
export const auditRules: readonly Rule[] = [
  ...AUDITED.map(([table, singular]) => ({
    invariant: "I6" as const,
    kind: "audit-gaps" as const,
    what: `the making of a row of ${table} is not recorded exactly once`,
    // A version that is made as the latest one is recorded as published; the same row may be published again later.
    select:
      table === "workflow_versions" || table === "app_versions"
        ? `select r.id as subject from ${table} r where ${count(`'${singular}.created','${singular}.published'`, table)} = 0
             or ${count(`'${singular}.created'`, table)} > 1`
        : `select r.id as subject from ${table} r where ${count(`'${singular}.created'`, table)} <> 1`,
  })),
  {
    invariant: "I6",
    kind: "audit-gaps",
    what: "the making of a run by a person is not recorded exactly once, or a machine's is recorded",
    select: `select r.id as subject from workflow_runs r where ${count("'workflow_run.created'", "workflow_runs")} <>
              case when r.source in ('MANUAL','RETRY','REPLAY') then 1 else 0 end`,
  },
  {
    invariant: "I6",
    kind: "audit-gaps",
    what: "a wish to cancel is not recorded exactly once",
    select: `select r.id as subject from workflow_runs r where ${count("'workflow_run.cancel_requested'", "workflow_runs")} <>
              case when r.cancel_requested_at is null then 0 else 1 end`,
  },
  {
    invariant: "I6",
    kind: "audit-gaps",
    what: "the making of a run and its record are of two transactions",
    // Both columns are filled with the start of their transaction.
    select: `select r.id as subject from workflow_runs r join audit_events a
                on a.target_type = 'workflow_runs' and a.target_id = r.id and a.action = 'workflow_run.created'
              where a.occurred_at <> r.created_at`,
  },
  {
    invariant: "I6",
    kind: "audit-gaps",
    what: "something is recorded that is no event of the trail",
    select: `select id as subject from audit_events where (target_type in ('step_runs','run_event_buffer') or action like 'workflow_run.%'
               and action not in ('workflow_run.created','workflow_run.cancel_requested')) and outcome = 'SUCCESS'`,
  },
];
