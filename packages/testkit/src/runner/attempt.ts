import { createHash, createHmac } from "node:crypto";
import type { Claim, NumberedEvent, Report, RunnerEvent } from "./claim.ts";
import type { Lease, Refused, RunnerApi } from "./runner-api.ts";

type Reported = ({ outcome: "accepted" } & Report) | Refused;

/** One held attempt. Events are numbered from 1 in the order they are made. */
export type Attempt = {
  readonly claim: Claim;
  readonly lease: Lease;
  /** Gives the events their numbers without sending them. */
  number(...events: readonly RunnerEvent[]): NumberedEvent[];
  /** Numbers and sends them as one batch. */
  send(...events: readonly RunnerEvent[]): Promise<Reported>;
  /** Sends exactly these: repeats, gaps, disorder, lies. */
  sendNumbered(events: readonly NumberedEvent[]): Promise<Reported>;
  heartbeat(): Promise<Reported>;
  /** Data and id of a `run-events` job with these events, signed with this attempt's key. */
  job(events: readonly NumberedEvent[]): { id: string; data: Record<string, unknown> };
};

/** @param over replaces parts of the lease, for example by another token */
export function createAttempt(api: RunnerApi, claim: Claim, over: Partial<Lease> = {}): Attempt {
  const { run } = claim.bundle;
  const lease: Lease = { runId: run.id, attempt: run.attempt, leaseToken: claim.leaseToken, ...over };
  let seq = 0;
  const number = (...events: readonly RunnerEvent[]) =>
    events.map((event): NumberedEvent => {
      seq += 1;
      return { ...event, seq, at: new Date().toISOString() };
    });
  return {
    claim,
    lease,
    number,
    send: (...events) => api.report(lease, number(...events)),
    sendNumbered: (events) => api.report(lease, events),
    heartbeat: () => api.heartbeat(lease),
    job: (events) => eventsJob(lease, events),
  };
}

/** The key is what the database keeps of the token, so that Redis never sees the token. */
function eventsJob(lease: Lease, events: readonly NumberedEvent[]): { id: string; data: Record<string, unknown> } {
  const body = JSON.stringify({ events });
  const key = createHash("sha256").update(lease.leaseToken).digest();
  const signature = createHmac("sha256", key).update(body, "utf8").digest("hex");
  return {
    id: `${lease.runId}_${lease.attempt}_${signature}`,
    data: { contractVersion: 1, runId: lease.runId, attempt: lease.attempt, body, signature },
  };
}
