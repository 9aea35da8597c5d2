import { inTransaction } from "@control-plane/db";
import {
  createScheduledRuns,
  dueFires,
  type FireOutcome,
  nextFire,
  readSchedule,
  type ScheduledFire,
} from "@control-plane/runs";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { Deps } from "../deps.ts";
import { type Advance, advanceTriggers, type DueTrigger, databaseNow, lockDueTriggers } from "../store/schedules.ts";

export type ScheduleDeps = Pick<Deps, "db" | "scheduleBatch" | "scheduleMetrics" | "dispatchSignal" | "log">;

/** A trigger that cannot be read (a zone this Node does not know) is looked at again, and told of again, so much later. */
const UNREADABLE_MS = 3_600_000;
/** Likewise one without a further slot. */
const SLOTLESS_MS = 366 * 86_400_000;

/** One pass by the clock of the database: those of the replicas may be wrong. */
export async function scheduleNow(deps: ScheduleDeps): Promise<void> {
  await schedulePass(deps, await databaseNow(deps.db));
}

/** Makes the runs of all slots that are due at `instant`. Any number of replicas may do so at once. */
export async function schedulePass(deps: ScheduleDeps, instant: Date): Promise<void> {
  for (;;) {
    const { taken, slots } = await fireBatch(deps, instant);
    countSlots(deps, instant, slots);
    if (taken < deps.scheduleBatch) return;
  }
}

/** What became of a slot. */
type Slot = { scheduledFor: Date; outcome: FireOutcome | "unreadable" };

/** One transaction: what it fired and what it moved on are both there afterwards, or neither. */
async function fireBatch(deps: ScheduleDeps, instant: Date): Promise<{ taken: number; slots: readonly Slot[] }> {
  return inTransaction(deps.db, { source: "orchestrator" }, async (tx) => {
    const due = await lockDueTriggers(tx, instant, deps.scheduleBatch);
    if (due.length === 0) return { taken: 0, slots: [] };
    const plans = due.map((trigger) => planTrigger(trigger, instant));
    const outcomes = await createScheduledRuns(
      tx,
      plans.flatMap(({ fires }) => fires),
    );
    if (outcomes.length > 0) await failpoint("schedule.after-insert");
    const done = plans.map((plan) => settle(plan, outcomes.splice(0, plan.fires.length)));
    await advanceTriggers(
      tx,
      instant,
      done.map(({ advance }) => advance),
    );
    return { taken: due.length, slots: done.flatMap(({ slots }) => slots) };
  });
}

type Plan = {
  trigger: DueTrigger;
  fires: readonly ScheduledFire[];
  /** Due slots behind the one that fires where overlaps are skipped: its run cannot be over. */
  behind: readonly Date[];
  nextFireAt: Date;
  readable: boolean;
};

function planTrigger(trigger: DueTrigger, instant: Date): Plan {
  const reading = readSchedule(trigger.cron, trigger.timezone);
  const later = (ms: number) => new Date(instant.getTime() + ms);
  if ("problems" in reading)
    return { trigger, fires: [], behind: [], nextFireAt: later(UNREADABLE_MS), readable: false };
  const { schedule } = reading;
  const skipOverlap = trigger.overlapPolicy === "SKIP";
  const slots = dueFires(schedule, trigger.catchUpPolicy, trigger.since, instant);
  const { id: triggerId, tenantId, timezone } = trigger;
  return {
    trigger,
    fires: (skipOverlap ? slots.slice(0, 1) : slots).map((scheduledFor) => ({
      tenantId,
      triggerId,
      scheduledFor,
      timezone,
      skipOverlap,
    })),
    behind: skipOverlap ? slots.slice(1) : [],
    nextFireAt: nextFire(schedule, instant) ?? later(SLOTLESS_MS),
    readable: true,
  };
}

function settle(plan: Plan, outcomes: readonly FireOutcome[]): { advance: Advance; slots: readonly Slot[] } {
  const { trigger, fires, behind, nextFireAt, readable } = plan;
  const slots: Slot[] = fires.map(({ scheduledFor }, index) => ({
    scheduledFor,
    outcome: outcomes[index] ?? "not-runnable",
  }));
  const runnable = slots.every(({ outcome }) => outcome !== "not-runnable");
  slots.push(
    ...behind.map((scheduledFor) => ({ scheduledFor, outcome: runnable ? "overlapping" : "not-runnable" }) as const),
  );
  if (!readable) slots.push({ scheduledFor: trigger.since, outcome: "unreadable" });
  const count = (wanted: Slot["outcome"]) => slots.filter(({ outcome }) => outcome === wanted).length;
  const advance = {
    triggerId: trigger.id,
    tenantId: trigger.tenantId,
    nextFireAt,
    fired: count("fired") > 0,
    skipped: count("overlapping"),
  };
  return { advance, slots };
}

function countSlots(deps: ScheduleDeps, instant: Date, slots: readonly Slot[]): void {
  if (slots.length === 0) return;
  const counts: Partial<Record<Slot["outcome"], number>> = {};
  for (const { outcome, scheduledFor } of slots) {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    deps.scheduleMetrics.slots.inc({ outcome });
    if (outcome === "fired") deps.scheduleMetrics.lag.observe((instant.getTime() - scheduledFor.getTime()) / 1_000);
  }
  if ((counts.unreadable ?? 0) > 0) deps.log.warn(counts, "schedules that cannot be read");
  else deps.log.info(counts, "slots due");
  if ((counts.fired ?? 0) > 0) deps.dispatchSignal.wake();
}
