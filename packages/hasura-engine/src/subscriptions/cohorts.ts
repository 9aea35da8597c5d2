import { createHash } from "node:crypto";
import type { Connection } from "../run/connections.ts";
import { createFairGate } from "../shares/fair-gate.ts";
import { cohortKey, type Polled } from "./bound-statement.ts";
import { type Polling, poll } from "./poll.ts";

/** Where a subscription's answers go. */
export type Sink = {
  /** JSON text of `data`. */
  next(dataText: string): void;
  /** One poll failed; the next one is made as if it had not, as Hasura does. */
  pollFailed(error: unknown): void;
};

/** Members that are asked for with one poll: the same statements with the same values. */
type Cohort = {
  readonly key: string;
  readonly polled: Polled;
  /** Where it is asked, on the account of whoever came first. */
  readonly connection: Connection;
  readonly members: Set<Member>;
  timer: NodeJS.Timeout | undefined;
};
type Member = { readonly sink: Sink; cohort: Cohort; seen: string | undefined; ended: boolean };

export type Cohorts = {
  /**
   * The first poll starts at once, or with the next round of a cohort that is there. Returns a function that ends the
   * membership.
   */
  join(polled: Polled, connection: Connection, sink: Sink): () => void;
  close(): void;
};

type CohortDeps = {
  readonly intervalMs: Readonly<Record<Polled["kind"], number>>;
  /** Polls at the same time, so that queries find a connection while many cohorts are due. */
  readonly polls: { readonly total: number; readonly each: number };
};

export function createCohorts(deps: CohortDeps): Cohorts {
  const cohorts = new Map<string, Cohort>();
  const gate = createFairGate({ what: "polls", ...deps.polls, waitingEach: Number.POSITIVE_INFINITY });
  let closed = false;

  const cohortOf = (polled: Polled, connection: Connection, delayMs: number): Cohort => {
    const key = cohortKey(polled);
    const known = cohorts.get(key);
    if (known !== undefined) return known;
    const cohort: Cohort = { key, polled, connection, members: new Set(), timer: undefined };
    cohorts.set(key, cohort);
    schedule(cohort, delayMs);
    return cohort;
  };
  const schedule = (cohort: Cohort, delayMs: number): void => {
    cohort.timer = setTimeout(() => void round(cohort), delayMs);
  };
  const enter = (member: Member, cohort: Cohort): void => {
    member.cohort = cohort;
    cohort.members.add(member);
  };
  const leave = (member: Member): void => {
    const { cohort } = member;
    cohort.members.delete(member);
    if (cohort.members.size > 0) return;
    clearTimeout(cohort.timer);
    if (cohorts.get(cohort.key) === cohort) cohorts.delete(cohort.key);
  };
  const end = (member: Member): void => {
    if (member.ended) return;
    member.ended = true;
    leave(member);
  };

  async function pollInTurn({ connection, polled }: Cohort): Promise<Polling> {
    const turn = gate.enter(connection.holder);
    const leave = turn instanceof Promise ? await turn : turn;
    try {
      return await poll(connection, polled);
    } finally {
      leave();
    }
  }

  /** Who joins while a poll is under way waits for the next one: its rows may be older than what the member has written. */
  async function round(cohort: Cohort): Promise<void> {
    const startedAt = performance.now();
    const intervalMs = deps.intervalMs[cohort.polled.kind];
    const asked = [...cohort.members];
    try {
      const polling = await pollInTurn(cohort);
      if (polling.outcome === "data" && !closed) tell(asked, cohort.connection, polling);
    } catch (error) {
      if (!closed) tellFailure(asked, error);
    }
    if (closed || cohort.members.size === 0) return;
    schedule(cohort, Math.max(0, intervalMs - (performance.now() - startedAt)));
  }

  /** Members of a stream move on to the cohort of their new position. */
  function tell(
    asked: readonly Member[],
    connection: Connection,
    { dataText, next }: { dataText: string; next: Polled },
  ): void {
    const hash = createHash("sha256").update(dataText).digest("base64");
    for (const member of asked.filter(({ ended }) => !ended)) {
      if (next.kind === "stream") {
        leave(member);
        enter(member, cohortOf(next, connection, deps.intervalMs.stream));
      } else if (member.seen === hash) continue;
      member.seen = hash;
      member.sink.next(dataText);
    }
  }

  /** What comes after a failure is told even where it is what was told before. */
  function tellFailure(asked: readonly Member[], error: unknown): void {
    for (const member of asked.filter(({ ended }) => !ended)) {
      member.seen = undefined;
      member.sink.pollFailed(error);
    }
  }

  return {
    join(polled, connection, sink) {
      if (closed) return () => {};
      const cohort = cohortOf(polled, connection, 0);
      const member: Member = { sink, cohort, seen: undefined, ended: false };
      enter(member, cohort);
      return () => end(member);
    },
    close() {
      closed = true;
      for (const { timer } of cohorts.values()) clearTimeout(timer);
      cohorts.clear();
    },
  };
}
