import { HasuraError } from "../hasura-error.ts";
import type { Caller } from "../session/caller.ts";
import type { Holder } from "../session/holder.ts";

/** Ends a turn; a second call does nothing. */
export type Leave = () => void;

/**
 * Lets a bounded number in, and of each holder no more than its share. Who has to wait is let in in turn over the holders,
 * so that a holder's own many requests delay each other only.
 */
export type FairGate = {
  /**
   * At once where there is room. Throws or rejects with HasuraError when too many wait, or when the caller goes away
   * while it waits.
   */
  enter(holder: Holder, caller?: Caller): Leave | Promise<Leave>;
  /**
   * What the holder did in there was too dear: it is let in after as long a rest as that took (1 s at most), and for a
   * while once at a time.
   */
  slowDown(holder: Holder, tookMs: number): void;
};

type GateBounds = {
  /** What is let in, for messages: `statements`. */
  readonly what: string;
  readonly total: number;
  readonly each: number;
  readonly waitingEach: number;
  /**
   * A holder is let in no more once so many ms of a turn of the event loop have gone since it was let in first, 0 for once
   * in a turn: computing for one does not keep the others from being heard.
   */
  readonly turnMs?: number;
};

const SLOW_MS = 10_000;
const REST_MS_MAX = 1_000;

type Waiter = { readonly admit: () => void };
type Own = { readonly key: string; inside: number; admittedAt: number | undefined; readonly waiting: Set<Waiter> };

export function createFairGate(bounds: GateBounds): FairGate {
  const holders = new Map<string, Own>();
  /** Those who have somebody waiting, whose turn is next first. */
  const queue = new Map<string, { own: Own; holder: Holder }>();
  const admitted = new Set<Own>();
  const slowUntil = new Map<string, number>();
  const resting = new Set<string>();
  let inside = 0;
  let turnEnds = false;

  const ownOf = (key: string): Own => {
    const known = holders.get(key);
    if (known !== undefined) return known;
    const own: Own = { key, inside: 0, admittedAt: undefined, waiting: new Set() };
    holders.set(key, own);
    return own;
  };
  const shareOf = ({ key }: Holder): number => {
    if (resting.has(key)) return 0;
    const until = slowUntil.get(key);
    if (until === undefined) return bounds.each;
    if (performance.now() < until) return 1;
    slowUntil.delete(key);
    return bounds.each;
  };
  const hasTurnLeft = ({ admittedAt }: Own): boolean =>
    admittedAt === undefined || bounds.turnMs === undefined || performance.now() - admittedAt < bounds.turnMs;
  const mayEnter = (holder: Holder, own: Own): boolean =>
    inside < bounds.total && (holder.exempt || (own.inside < shareOf(holder) && hasTurnLeft(own)));
  const endTurn = (): void => {
    turnEnds = false;
    for (const own of admitted) {
      own.admittedAt = undefined;
      forget(own);
    }
    admitted.clear();
    admitWaiting();
  };
  const take = (holder: Holder, own: Own): Leave => {
    inside += 1;
    own.inside += 1;
    if (bounds.turnMs !== undefined && !holder.exempt && own.admittedAt === undefined) {
      own.admittedAt = performance.now();
      admitted.add(own);
      if (!turnEnds) setImmediate(endTurn);
      turnEnds = true;
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      inside -= 1;
      own.inside -= 1;
      forget(own);
      if (queue.size > 0) admitWaiting();
    };
  };
  /** Whoever was let in this turn is remembered until it ends, though all is done already. */
  const forget = (own: Own): void => {
    if (own.inside === 0 && own.waiting.size === 0 && own.admittedAt === undefined && holders.get(own.key) === own)
      holders.delete(own.key);
  };
  function admitWaiting(): void {
    for (const [key, entry] of [...queue]) {
      if (inside >= bounds.total) return;
      const { own, holder } = entry;
      const [next] = own.waiting;
      if (next === undefined || !mayEnter(holder, own)) continue;
      queue.delete(key);
      if (own.waiting.size > 1) queue.set(key, entry);
      next.admit();
    }
  }
  const wait = (holder: Holder, own: Own, caller: Caller | undefined): Promise<Leave> =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        own.waiting.delete(waiter);
        if (own.waiting.size === 0) queue.delete(holder.key);
        stay?.();
      };
      const leave = (): void => {
        end();
        forget(own);
        reject(clientGone());
      };
      const waiter: Waiter = {
        admit() {
          end();
          resolve(take(holder, own));
        },
      };
      const stay = caller?.whenGone(leave);
      own.waiting.add(waiter);
      if (!queue.has(holder.key)) queue.set(holder.key, { own, holder });
    });

  return {
    slowDown({ key }, tookMs) {
      const now = performance.now();
      for (const [slow, until] of slowUntil) if (until < now) slowUntil.delete(slow);
      slowUntil.set(key, now + SLOW_MS);
      resting.add(key);
      const endRest = (): void => {
        resting.delete(key);
        admitWaiting();
      };
      setTimeout(endRest, Math.min(tookMs, REST_MS_MAX)).unref();
    },
    enter(holder, caller) {
      const own = ownOf(holder.key);
      if (own.waiting.size === 0 && mayEnter(holder, own)) return take(holder, own);
      if (!holder.exempt && own.waiting.size >= bounds.waitingEach)
        throw new HasuraError(
          "bad-request",
          `more than ${bounds.waitingEach} ${bounds.what} of one tenant or user wait`,
        );
      if (caller?.isGone() === true) throw clientGone();
      return wait(holder, own, caller);
    },
  };
}

function clientGone(): HasuraError {
  return new HasuraError("bad-request", "the client has gone away");
}
