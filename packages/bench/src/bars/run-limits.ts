import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { query } from "../data/server.ts";
import type { BarResult } from "../rounds.ts";
import { onFreshStores, type RunBarOptions } from "../runs/fresh-stores.ts";
import { addRuns, addTenant, startNoopRunner, startOrchestrator, untilEnded } from "../runs/run-stack.ts";
import { judgeLimit, medianOf } from "../verdict.ts";

const BACKLOG = 10_000;
const FEW = 10;
const CONCURRENCY = 10;
const DEFAULT_SLOTS = 50;
const WAIT_RATIO_MAX = 2;

/**
 * A tenant with few runs beside one with a backlog: its median wait, from creation to start, against its wait alone on the
 * same stack. The backlog's tenant has its default limit, then none that matters.
 */
export async function fairnessBar(options: RunBarOptions): Promise<BarResult> {
  const waits: { alone: number; beside: number; slots: number }[] = [];
  for (const slots of [DEFAULT_SLOTS, BACKLOG]) {
    for (let round = 0; round < options.rounds; round++) {
      const wait = await onFreshStores(options, async (stores) => {
        const { databaseUrl } = stores;
        const [big, small] = [await addTenant(databaseUrl, "big", slots), await addTenant(databaseUrl, "small")];
        const orchestrator = await startOrchestrator(stores);
        const runner = await startNoopRunner(orchestrator, stores, CONCURRENCY);
        try {
          await addRuns(databaseUrl, small, FEW);
          await untilEnded(databaseUrl, small, 60_000);
          await query(databaseUrl, "delete from workflow_runs");
          await addRuns(databaseUrl, small, FEW);
          await untilEnded(databaseUrl, small, 60_000);
          const alone = await medianWait(databaseUrl, small);
          await query(databaseUrl, "delete from workflow_runs");
          await addRuns(databaseUrl, big, BACKLOG);
          await untilStarted(databaseUrl, big, BACKLOG / 20);
          await addRuns(databaseUrl, small, FEW);
          await untilEnded(databaseUrl, small, 300_000);
          return { alone, beside: await medianWait(databaseUrl, small) };
        } finally {
          await runner.stop();
          await orchestrator.stop();
        }
      });
      waits.push({ ...wait, slots });
      options.log(
        `R5 limit ${slots}, round ${round + 1}/${options.rounds}: alone ${wait.alone.toFixed(1)} ms, beside ${wait.beside.toFixed(1)} ms`,
      );
    }
  }
  const ratioAt = (wanted: number): number =>
    medianOf(waits.filter(({ slots }) => slots === wanted).map(({ alone, beside }) => beside / alone));
  return {
    id: "R5",
    title: "wait of 10 runs beside another tenant's 10,000",
    ours: "orchestrator",
    rounds: [],
    ratios: [],
    limits: [DEFAULT_SLOTS, BACKLOG].map((slots) =>
      judgeLimit({ name: `its limit ${slots}`, value: ratioAt(slots), max: WAIT_RATIO_MAX, unit: "× the wait alone" }),
    ),
    voided: [],
    skipped: [],
  };
}

async function medianWait(url: string, tenantId: string): Promise<number> {
  const [row] = await query(
    url,
    `select percentile_cont(0.5) within group (order by extract(epoch from started_at - created_at) * 1000)::float8 as ms
       from workflow_runs where tenant_id = $1`,
    [tenantId],
  );
  return z.object({ ms: z.number() }).parse(row).ms;
}

async function untilStarted(url: string, tenantId: string, count: number): Promise<void> {
  for (;;) {
    const [row] = await query(
      url,
      "select count(*)::int as started from workflow_runs where tenant_id = $1 and started_at is not null",
      [tenantId],
    );
    if (z.object({ started: z.int() }).parse(row).started >= count) return;
    await delay(20);
  }
}
