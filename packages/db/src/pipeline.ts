import { OutageError } from "@control-plane/service-kit/outage";
import pg from "pg";
import type { DatabaseClient } from "./client.ts";
import { sqlState } from "./sql-state.ts";

/** What runs statements one by one, each a transaction of its own: a pool, or a pipeline over it. */
export type Statements = { query(statement: pg.QueryConfig): Promise<pg.QueryResult> };

/** Behind a statement that takes longer than this, waiting for a lock most likely, nothing more is sent. */
const STALLED_AFTER_MS = 50;

type Line = {
  readonly client: Promise<pg.PoolClient>;
  /** Ends a connection that says nothing; there from when it is connected. */
  silence: NodeJS.Timeout | undefined;
  unanswered: number;
  /** After this the connection is good for nothing more. */
  broken: Error | undefined;
  /** When it was opened or last gave an answer, in milliseconds. */
  movedAt: number;
};

/**
 * Sends statements one behind the other over one connection of the pool, without waiting for the answers to those before, as
 * PostgreSQL's protocol allows: the server has the next one at hand when it is done with one, and not several processes
 * work on the same rows. Every statement commits or fails by itself. One that is held up costs those that were sent right
 * behind it its wait; what comes later goes over another connection. A connection on which nothing is answered
 * for the pool's `answerMs` is broken, with everything that is under way on it. Throws where the pool's connections wait for each
 * answer, as all do but those for `intake`.
 */
export function createPipeline({ pool, limits }: Pick<DatabaseClient, "pool" | "limits">): Statements {
  if (pool.options.pipeline !== true) throw new Error("the connections of this pool send one statement at a time");
  let line: Line | undefined;
  const openLine = (): Line => {
    const client = pool.connect();
    const opened: Line = { client, silence: undefined, unanswered: 0, broken: undefined, movedAt: performance.now() };
    const watch = (connected: pg.PoolClient): void => {
      if (limits.answerMs === 0) return;
      opened.silence = setTimeout(() => breakConnection(connected, limits.answerMs), limits.answerMs);
    };
    client.then(watch, () => undefined);
    return opened;
  };
  const leave = async (own: Line): Promise<void> => {
    if (line === own) line = undefined;
    clearTimeout(own.silence);
    (await own.client).release(own.broken);
  };
  return {
    async query(statement) {
      if (line === undefined || performance.now() - line.movedAt > STALLED_AFTER_MS) line = openLine();
      const own = line;
      own.unanswered += 1;
      try {
        return await send(await own.client, statement);
      } catch (error) {
        if (!leavesConnectionFit(error)) {
          own.broken ??= error instanceof Error ? error : new Error(String(error));
          if (line === own) line = undefined;
        }
        throw error;
      } finally {
        own.movedAt = performance.now();
        own.silence?.refresh();
        own.unanswered -= 1;
        if (own.unanswered === 0) leave(own).catch(() => undefined);
      }
    },
  };
}

/** What PostgreSQL refuses for the sake of values, rows or time; anything else may be the connection's own. */
function leavesConnectionFit(error: unknown): boolean {
  return /^(22...|23...|40001|40P01|54000|55P03|57014)$/.test(sqlState(error) ?? "");
}

/** What a connection knows of named statements: that it has them, or when it will be clear. */
type Prepared = Map<string, "known" | Promise<void>>;
const preparedOn = new WeakMap<pg.PoolClient, Prepared>();

/**
 * The driver takes a named statement for prepared as soon as it was sent once. Until that is true no other one goes out by its
 * name: where preparing fails, as behind a lock of a table, it would fail for want of the name.
 */
async function send(client: pg.PoolClient, statement: pg.QueryConfig): Promise<pg.QueryResult> {
  const { name } = statement;
  if (name === undefined) return client.query(statement);
  const prepared: Prepared = preparedOn.get(client) ?? new Map();
  preparedOn.set(client, prepared);
  for (let state = prepared.get(name); state !== "known"; state = prepared.get(name)) {
    if (state === undefined) return prepare(prepared, name, client.query(statement));
    await state;
  }
  return client.query(statement);
}

async function prepare(prepared: Prepared, name: string, answer: Promise<pg.QueryResult>): Promise<pg.QueryResult> {
  const settled = answer.then(
    () => void prepared.set(name, "known"),
    () => void prepared.delete(name),
  );
  prepared.set(name, settled);
  await settled;
  return answer;
}

function breakConnection(client: pg.PoolClient, msMax: number): void {
  const error = new OutageError(`postgresql did not answer within ${msMax} ms`);
  if (client instanceof pg.Client) client.connection.stream.destroy(error);
}
