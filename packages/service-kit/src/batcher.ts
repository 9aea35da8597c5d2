import { OutageError } from "./outage.ts";

const BATCH_MAX = 100;
/** Larger ones take half of what waits: while one is written, the next is made. */
const WHOLE_BATCH_MAX = 24;
const IN_FLIGHT_MAX = 2;
/** A statement that takes longer than this waits for something: its place goes to others, as far as so many are under way. */
const PLACE_MS = 60;
const WITH_OVERDUE_MAX = 6;
const WAITING_MAX = 2_000;
const MIB = 1024 * 1024;
/** A statement of larger items has fewer of them. */
const BATCH_BYTES_MAX = 8 * MIB;
/** What waits or is being written: the process has to hold it. */
const HELD_BYTES_MAX = 128 * MIB;
/** With what is written of them, 8 MiB at a time, half of it at most: the other lanes have the rest. */
const SLOW_BYTES_MAX = 32 * MIB;
/** Lanes that cannot be written go apart, so many at a time; the others never wait for them. */
const SLOW_IN_FLIGHT_MAX = 4;
const SLOW_WAITING_MAX = 200;
const SLOW_FOR_MS = 5_000;

export type Batcher<I, O> = {
  /** Resolves with the item's own outcome once its batch is written. Throws an `OutageError` when too many wait, or too much. */
  submit(item: I): Promise<O>;
  /** Waits until nothing is under way. */
  drain(): Promise<void>;
};

export type BatcherOptions<I, O> = {
  /** `apart`: of a lane that was held up, so that nothing else should wait behind it. */
  write: (items: readonly I[], apart: boolean) => Promise<readonly O[]>;
  /** Items that may hold each other up: those of one tenant. */
  laneOf: (item: I) => string;
  /** Whether a batch failed because of something that one lane's rows wait for. */
  isHeldUp: (error: unknown) => boolean;
  /** Most items of one statement. */
  batchMax?: number;
  /** The memory that an item takes; by default none. */
  bytesOf?: (item: I) => number;
  now?: () => number;
};

type Waiting<I, O> = { item: I; bytes: number; resolve: (outcome: O) => void; reject: (error: unknown) => void };
type Statement = { isOverdue: boolean };
type Queue<I, O> = { waiting: Waiting<I, O>[]; inFlight: Set<Statement> };

/**
 * Gathers what waits together into one statement: at most 100 items or `batchMax` and 8 MiB, of more than 24 half of what
 * waits, at most 2 statements at a time, or 6 with those that take longer than 60 ms, sent as soon as a place is free. What
 * arrives in one turn of the event loop goes together, or the first of many would go alone. Without load a request goes alone
 * and at once; under load batches grow by themselves.
 *
 * A batch that is held up by a lock is written again lane by lane, and a lane that is held up by itself stays apart for
 * 5 s: what one tenant's transaction locks costs that tenant alone.
 */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  const { write, laneOf, isHeldUp, batchMax = BATCH_MAX, bytesOf = () => 0 } = options;
  const now = options.now ?? performance.now.bind(performance);
  const fast: Queue<I, O> = { waiting: [], inFlight: new Set() };
  const slow: Queue<I, O> = { waiting: [], inFlight: new Set() };
  const slowUntil = new Map<string, number>();
  let whenIdle: (() => void)[] = [];
  let isPumpDue = false;
  let bytesHeld = 0;

  const isIdle = (): boolean =>
    [fast, slow].every(({ waiting, inFlight }) => waiting.length === 0 && inFlight.size === 0);
  const isSlow = (lane: string): boolean => {
    const until = slowUntil.get(lane);
    if (until !== undefined && until <= now()) slowUntil.delete(lane);
    return slowUntil.has(lane);
  };
  const hasPlace = (): boolean =>
    fast.inFlight.size < WITH_OVERDUE_MAX &&
    [...fast.inFlight].filter(({ isOverdue }) => !isOverdue).length < IN_FLIGHT_MAX;
  const put = (queue: Queue<I, O>, batch: readonly Waiting<I, O>[]): void => {
    const statement: Statement = { isOverdue: false };
    queue.inFlight.add(statement);
    const place = setTimeout(() => {
      statement.isOverdue = true;
      pump();
    }, PLACE_MS);
    void send(batch, queue === slow).finally(() => {
      clearTimeout(place);
      queue.inFlight.delete(statement);
      settled();
    });
  };
  const settled = (): void => {
    pumpSoon();
    if (!isIdle()) return;
    for (const tell of whenIdle) tell();
    whenIdle = [];
  };
  const pump = (): void => {
    while (hasPlace() && fast.waiting.length > 0) put(fast, fast.waiting.splice(0, batchSize(fast.waiting, batchMax)));
    while (slow.inFlight.size < SLOW_IN_FLIGHT_MAX && slow.waiting.length > 0)
      put(slow, takeLane(slow.waiting, laneOf, batchMax));
  };
  const pumpSoon = (): void => {
    if (isPumpDue) return;
    isPumpDue = true;
    setImmediate(() => {
      isPumpDue = false;
      pump();
    });
  };
  /** Counts the item's memory until it has its outcome; undefined when there is none left. */
  const held = (
    item: I,
    resolve: (outcome: O) => void,
    reject: (error: unknown) => void,
  ): Waiting<I, O> | undefined => {
    const bytes = bytesOf(item);
    if (bytesHeld + bytes > HELD_BYTES_MAX) return undefined;
    bytesHeld += bytes;
    const letGo =
      <T>(settle: (value: T) => void) =>
      (value: T): void => {
        bytesHeld -= bytes;
        settle(value);
      };
    return { item, bytes, resolve: letGo(resolve), reject: letGo(reject) };
  };
  const putApart = (items: readonly Waiting<I, O>[]): void => {
    for (const entry of items) {
      const bytes = slow.waiting.reduce((sum, waiting) => sum + waiting.bytes, entry.bytes);
      if (slow.waiting.length < SLOW_WAITING_MAX && bytes <= SLOW_BYTES_MAX) slow.waiting.push(entry);
      else entry.reject(new OutageError("too many requests wait for a locked row"));
    }
  };
  const send = async (batch: readonly Waiting<I, O>[], apart: boolean): Promise<void> => {
    const lanes = new Set(batch.map(({ item }) => laneOf(item)));
    try {
      const outcomes = await write(
        batch.map(({ item }) => item),
        apart,
      );
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined) reject(new Error("a batch answered fewer outcomes than it had items"));
        else resolve(outcome);
      }
    } catch (error) {
      if (lanes.size > 1 && isHeldUp(error)) return putApart(batch);
      if (isHeldUp(error)) for (const lane of lanes) slowUntil.set(lane, now() + SLOW_FOR_MS);
      for (const { reject } of batch) reject(error);
    }
  };

  return {
    submit(item) {
      return new Promise((resolve, reject) => {
        const entry = held(item, resolve, reject);
        if (entry === undefined) reject(new OutageError("too much is waiting"));
        else if (isSlow(laneOf(item))) putApart([entry]);
        else if (fast.waiting.length >= WAITING_MAX) entry.reject(new OutageError("too many requests are waiting"));
        else fast.waiting.push(entry);
        pumpSoon();
      });
    },
    drain: () =>
      new Promise((resolve) => {
        if (isIdle()) return resolve();
        whenIdle.push(resolve);
      }),
  };
}

function batchSize(waiting: readonly { bytes: number }[], batchMax: number): number {
  const most = Math.min(batchMax, Math.max(WHOLE_BATCH_MAX, Math.ceil(waiting.length / 2)));
  let bytes = 0;
  const beyond = waiting.slice(0, most).findIndex((entry) => {
    bytes += entry.bytes;
    return bytes > BATCH_BYTES_MAX;
  });
  // One that is larger by itself goes alone.
  return beyond === -1 ? most : Math.max(1, beyond);
}

/** Takes a batch of the lane that waits longest out of the queue. */
function takeLane<I, O>(waiting: Waiting<I, O>[], laneOf: (item: I) => string, batchMax: number): Waiting<I, O>[] {
  const [first] = waiting;
  if (first === undefined) return [];
  const lane = laneOf(first.item);
  const own = waiting.filter(({ item }) => laneOf(item) === lane);
  const taken = new Set(own.slice(0, batchSize(own, batchMax)));
  waiting.splice(0, waiting.length, ...waiting.filter((entry) => !taken.has(entry)));
  return [...taken];
}
