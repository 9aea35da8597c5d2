/** A change of one file's text; it must be found exactly once. */
export type Edit = { readonly file: string; readonly find: string; readonly replace: string };

/** A defect that the harness must notice: every one of these was somebody's real one. */
export type Mutant = {
  readonly id: string;
  readonly title: string;
  readonly edits?: readonly Edit[];
  /** Run in a cell's database before anything starts. */
  readonly statements?: readonly string[];
  /** One of them must turn red. */
  readonly cells: readonly string[];
};

const ACCEPT = "packages/runs/src/accept-deliveries.ts";
const APPLY = "packages/runs/src/apply-events.ts";
const APPLY_IN_ORDER = "packages/runs/src/apply-in-order.ts";
const CLAIMED_STATE = {
  find: "and (r.status = 'QUEUED') is true and r.deadline_at > now()",
  replace: "and r.deadline_at > now()",
};

const PROOF =
  '  if (!proves(batch.proof, run.leaseTokenHash)) return { outcome: "unproven", tenantId: run.tenantId };\n';

/** No trigger is left that knows the moves of a run. */
const ANY_MOVE = [
  "drop trigger t30_transition_update on workflow_runs",
  "drop trigger t30_ended_update on workflow_runs",
];

export const MUTANTS: readonly Mutant[] = [
  {
    id: "M1",
    title: "the gateway answers before the batch is committed",
    edits: [
      {
        file: "apps/webhook-gateway/src/deps.ts",
        find: "const outcomes = await acceptDeliveries(db, deliveries, apart ? db.$client : pipeline);",
        replace: `acceptDeliveries(db, deliveries, apart ? db.$client : pipeline).catch(() => {});
        const outcomes = deliveries.map(({ deliveryId, runId }) => ({ outcome: "accepted", deliveryId, runId }));`,
      },
    ],
    cells: ["F10", "F1"],
  },
  {
    id: "M2",
    title: "the sweeper does not add lost jobs again",
    edits: [
      {
        file: "apps/orchestrator/src/domain/sweep-pass.ts",
        find: 'if (place === "lost") {',
        replace: 'if (place === "never") {',
      },
    ],
    cells: ["F7", "F2"],
  },
  {
    id: "M3",
    title: "the sweeper ignores leases that lapsed",
    edits: [{ file: "packages/runs/src/sweep-runs.ts", find: " or lease_expires_at <= now()\n", replace: "\n" }],
    cells: ["F3"],
  },
  {
    id: "M4",
    title: "nothing keeps a dedupe key unique",
    statements: ["drop index webhook_deliveries_dedupe_key"],
    cells: ["F15"],
  },
  {
    id: "M5",
    title: "a claim takes a run in whatever state it is, and the database allows it",
    edits: [
      { file: "packages/runs/src/run-bundle.ts", ...CLAIMED_STATE },
      { file: "packages/runs/src/claim-run.ts", ...CLAIMED_STATE },
    ],
    // With them in place nothing comes of such a claim: it is refused a second time.
    statements: [...ANY_MOVE, "alter table step_runs drop constraint step_runs_workflow_run_id_step_key_attempt_key"],
    cells: ["F7"],
  },
  {
    id: "M6",
    title: "the reducer compares neither lease token nor attempt",
    edits: [
      { file: APPLY, find: "run.attempt !== batch.attempt || ", replace: "" },
      { file: APPLY, find: PROOF, replace: "" },
      {
        file: APPLY_IN_ORDER,
        find: "r.attempt = b.attempt and r.lease_token_hash = b.token_hash",
        replace: "true",
      },
    ],
    cells: ["F17", "F4"],
  },
  {
    id: "M7",
    title: "the reducer compares the attempt only",
    edits: [
      { file: APPLY, find: PROOF, replace: "" },
      { file: APPLY_IN_ORDER, find: "r.lease_token_hash = b.token_hash", replace: "true" },
    ],
    cells: ["F17"],
  },
  {
    id: "M8",
    title: "cancelRun asks for no state, and the database allows every move",
    edits: [
      {
        file: "packages/runs/src/cancel-run.ts",
        find: '    if (isTerminal(run.status)) return { outcome: "ALREADY_TERMINAL", status: run.status };',
        replace: `    if (isTerminal(run.status)) {
      await tx.execute(sql\`update workflow_runs set status = 'CANCELLED' where id = \${run.id}\`);
      return { outcome: "CANCELLED", status: "CANCELLED" };
    }`,
      },
    ],
    statements: ANY_MOVE,
    cells: ["F17"],
  },
  {
    id: "M9",
    title: "the latest event wins, whatever is missing before it",
    edits: [
      {
        file: APPLY,
        find: "for (let next = waiting.get(seq + 1); next !== undefined; next = waiting.get(seq + 1)) {",
        replace: "for (const next of [...waiting.values()].sort((a, b) => a[1].seq - b[1].seq)) {",
      },
      { file: APPLY, find: "    seq += 1;\n", replace: "    seq = event.seq;\n" },
    ],
    cells: ["F17"],
  },
  {
    id: "M10",
    title: "nothing keeps a slot of a schedule unique",
    statements: ["drop index workflow_runs_slot_key"],
    cells: ["F22"],
  },
  {
    id: "M11",
    title: "synchronous_commit is off and nobody looks",
    edits: [
      {
        file: "packages/db/src/database-fit.ts",
        find: 'if (server.synchronous_commit === "off")',
        replace: "if (false)",
      },
    ],
    statements: [
      "do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$",
    ],
    cells: ["F10"],
  },
  {
    id: "M12",
    title: "delivery and run are two statements without a transaction",
    edits: [
      {
        file: ACCEPT,
        find: "from target join delivery on delivery.id = target.delivery_id\n",
        replace: "from target join delivery on delivery.id = target.delivery_id and false\n",
      },
      {
        file: ACCEPT,
        find: "where not exists (select from run where run.webhook_delivery_id = i.delivery_id)",
        replace: "where not exists (select from delivery where delivery.id = i.delivery_id)",
      },
      {
        file: ACCEPT,
        find: "  const unwritten = await repeatOnConflict(() => insertBatch(access.statements, sorted));\n",
        replace: `  const unwritten = await repeatOnConflict(() => insertBatch(access.statements, sorted));
  await (await import("@control-plane/service-kit/failpoint")).failpoint("gateway.after-insert");
  for (const d of sorted) {
    if (unwritten.has(d.deliveryId)) continue;
    await access.db.execute(sql\`insert into workflow_runs (id, tenant_id, workflow_id, workflow_version_id, source, trigger_id, webhook_delivery_id,
                                                   input, max_attempts, run_at, deadline_at, traceparent)
      select \${d.runId}::uuid, t.tenant_id, t.workflow_id, v.id, 'WEBHOOK', t.id, \${d.deliveryId}::uuid, \${d.input}::jsonb, 3,
             now(), now() + interval '24 hours', \${d.traceparent}::text
        from triggers t join workflow_versions v on v.workflow_id = t.workflow_id and v.is_latest where t.id = \${d.triggerId}::uuid\`);
  }
`,
      },
    ],
    cells: ["F1"],
  },
];
