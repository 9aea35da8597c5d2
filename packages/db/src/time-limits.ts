/**
 * What a pool's connections are for. `request`: actions and direct HTTP calls. `bulk`: actions that go through many rows.
 * `intake`: webhooks. `runner`: the API of runners. `loop`: dispatch, sweeps, mail and other passes in the background. `command`: migrations, seeds and other
 * commands that a person or a job waits for.
 */
export type DatabaseWork = "request" | "bulk" | "intake" | "runner" | "loop" | "command";

/** Milliseconds; 0 is PostgreSQL's own word for "no limit". */
export type TimeLimits = {
  /** For a free connection of the pool, or a new one. */
  connectMs: number;
  lockMs: number;
  statementMs: number;
  /** From a question to the first byte of its answer, for a server or network that hangs. */
  answerMs: number;
  idleInTransactionMs: number;
};

export const WAIT_MS_MAX_DEFAULT = 2_000;

/**
 * Shares of the longest wait of a request. Intake and runner API give up locks early: many callers of one tenant that
 * wait for the same row must not hold the connections that others need.
 */
const SHARES = {
  request: { connect: 0.35, lock: 0.4, statement: 0.5 },
  bulk: { connect: 1, lock: 0.4, statement: 2.5 },
  intake: { connect: 0.35, lock: 0.15, statement: 0.5 },
  runner: { connect: 0.4, lock: 0.15, statement: 0.45 },
  loop: { connect: 1, lock: 0.5, statement: 5 },
} as const satisfies Record<Exclude<DatabaseWork, "command">, { connect: number; lock: number; statement: number }>;

/** So much later than PostgreSQL itself, which says more precisely what took too long. */
const ANSWER_SHARE_MORE = 0.1;
const IDLE_IN_TRANSACTION_SHARE = 5;
const COMMAND_CONNECT_MS = 10_000;

export function timeLimits(work: DatabaseWork, waitMsMax: number): TimeLimits {
  if (work === "command")
    return { connectMs: COMMAND_CONNECT_MS, lockMs: 0, statementMs: 0, answerMs: 0, idleInTransactionMs: 0 };
  const share = SHARES[work];
  const ms = (part: number): number => Math.ceil(part * waitMsMax);
  return {
    connectMs: ms(share.connect),
    lockMs: ms(share.lock),
    statementMs: ms(share.statement),
    answerMs: ms(share.statement + ANSWER_SHARE_MORE),
    idleInTransactionMs: ms(IDLE_IN_TRANSACTION_SHARE),
  };
}
