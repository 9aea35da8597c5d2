import { AppError } from "@control-plane/service-kit/errors";

const BATCH_MAX = 100;
const IN_FLIGHT_MAX = 2;
export const WAITING_MAX = 2_000;

export type Batcher<I, O> = {
  /** Resolves with the item's own outcome once its batch is written. Throws `UNAVAILABLE` when too many wait. */
  submit(item: I): Promise<O>;
  /** Waits until nothing is under way. */
  drain(): Promise<void>;
};

type Waiting<I, O> = { item: I; resolve: (outcome: O) => void; reject: (error: unknown) => void };

/**
 * Gathers what waits together into one statement: at most 100 items, at most 2 statements at a time, sent as soon as a
 * place is free. Without load a request goes alone and at once; under load batches grow by themselves.
 */
export function createBatcher<I, O>(write: (items: readonly I[]) => Promise<readonly O[]>): Batcher<I, O> {
  const waiting: Waiting<I, O>[] = [];
  let inFlight = 0;
  let idle: () => void = () => {};

  const pump = (): void => {
    while (inFlight < IN_FLIGHT_MAX && waiting.length > 0) {
      const batch = waiting.splice(0, BATCH_MAX);
      inFlight += 1;
      void send(batch).finally(() => {
        inFlight -= 1;
        if (inFlight === 0 && waiting.length === 0) idle();
        pump();
      });
    }
  };
  const send = async (batch: readonly Waiting<I, O>[]): Promise<void> => {
    try {
      const outcomes = await write(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined) reject(new Error("a batch answered fewer outcomes than it had items"));
        else resolve(outcome);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  return {
    submit(item) {
      if (waiting.length >= WAITING_MAX)
        throw new AppError("UNAVAILABLE", "too many requests are waiting", { details: { retryAfterSeconds: 5 } });
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        pump();
      });
    },
    drain: () =>
      new Promise((resolve) => {
        if (inFlight === 0 && waiting.length === 0) return resolve();
        idle = resolve;
      }),
  };
}
