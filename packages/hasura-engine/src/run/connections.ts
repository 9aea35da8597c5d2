import type pg from "pg";
import { HasuraError } from "../hasura-error.ts";
import type { Caller } from "../session/caller.ts";
import type { Holder } from "../session/holder.ts";
import type { FairGate, Leave } from "../shares/fair-gate.ts";
import { isListTooLarge } from "../sql/bounded-list.ts";
import { sqlState } from "../statement-error.ts";
import { AnswerTooLargeError } from "./bounded-socket.ts";
import { sendStatement, type TextRow } from "./send-statement.ts";
import type { SentStatement } from "./statement-messages.ts";
import { inTransaction } from "./transaction.ts";

/** Where a statement runs, and on whose account. */
export type Connection = {
  readonly holder: Holder;
  query(statement: SentStatement): Promise<readonly TextRow[]>;
};

/** Where the statements of one caller run: each on whichever connection it gets, or together on one. */
export type Connections = Connection & {
  /** All of it or nothing. What has begun is not cancelled: a client that went away finds it done or not done. */
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
};

/** A pool, who may take how much of it, and how long its statements run. */
export type SharedPool = {
  readonly pool: pg.Pool;
  readonly gate: FairGate;
  readonly statementTimeoutMs: number;
  readonly answerBytesMax: number;
  /** Cancels what runs on the connection of this PostgreSQL process. */
  readonly cancel: (processId: number) => Promise<void>;
};

/** Connections for one holder. A query that runs when the caller goes away is cancelled in PostgreSQL too. */
export function connectionsFor(shared: SharedPool, holder: Holder, caller?: Caller): Connections {
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const turn = shared.gate.enter(holder, caller);
    const leave: Leave = turn instanceof Promise ? await turn : turn;
    const begunAt = performance.now();
    try {
      return await work();
    } catch (error) {
      const refused = refusalOf(error, shared);
      if (refused !== undefined) shared.gate.slowDown(holder, performance.now() - begunAt);
      throw refused ?? error;
    } finally {
      leave();
    }
  };
  return {
    holder,
    query: (statement) => inTurn(() => queryOnce(shared, statement, caller)),
    transaction: (work) =>
      inTurn(() =>
        inTransaction(shared.pool, (client) =>
          work({ holder, query: (statement) => sendStatement(client, statement) }),
        ),
      ),
  };
}

const QUERY_CANCELED = "57014";

/** What ends a statement that was too dear, as its client is told. */
function refusalOf(error: unknown, { statementTimeoutMs, answerBytesMax }: SharedPool): HasuraError | undefined {
  if (error instanceof AnswerTooLargeError) return error;
  const state = sqlState(error);
  if (state === QUERY_CANCELED) return canceled(error, statementTimeoutMs);
  return error instanceof Error && isListTooLarge(state, error.message)
    ? new AnswerTooLargeError(answerBytesMax)
    : undefined;
}

function canceled(cause: unknown, timeoutMs: number): HasuraError {
  return new HasuraError("bad-request", `a statement of the request took longer than ${timeoutMs} ms`, "$", { cause });
}

async function queryOnce(
  { pool, cancel }: SharedPool,
  statement: SentStatement,
  caller: Caller | undefined,
): Promise<readonly TextRow[]> {
  const client = await pool.connect();
  if (caller?.isGone() === true) {
    client.release();
    throw new HasuraError("bad-request", "the client has gone away");
  }
  let canceling: Promise<void> | undefined;
  const stay = caller?.whenGone(() => {
    canceling = cancel(processIdOf(client)).catch(() => {});
  });
  let broken = false;
  try {
    return await sendStatement(client, statement);
  } catch (error) {
    // What is no answer of PostgreSQL comes of the connection.
    broken = sqlState(error) === undefined;
    throw error;
  } finally {
    stay?.();
    // What comes next on the connection must not be met by it.
    await canceling;
    client.release(broken);
  }
}

/** The driver keeps it without telling its types. */
function processIdOf(client: pg.PoolClient): number {
  return Number(Reflect.get(client, "processID"));
}
