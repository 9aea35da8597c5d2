import pg from "pg";
import type { EngineLog } from "../engine-log.ts";
import type { ShareLimits } from "../limits.ts";
import type { Caller } from "../session/caller.ts";
import type { Holder } from "../session/holder.ts";
import { createFairGate } from "../shares/fair-gate.ts";
import { ANSWER_BYTES_MAX, boundedSocket } from "./bounded-socket.ts";
import { type Connections, connectionsFor, type SharedPool } from "./connections.ts";
import { NAME_UNUSED_MS_MAX } from "./run-statement.ts";

/** Apart from each other: events are delivered, and an operator is answered, while queries take all of theirs. */
const CONNECTIONS_MAX = { admin: 4, events: 2 } as const;
const STATEMENT_TIMEOUT_MS = 30_000;

export type Pools = {
  /** For every role but `admin`. */
  readonly requests: pg.Pool;
  readonly admin: pg.Pool;
  readonly events: pg.Pool;
  /** Connections of a role for one holder. */
  connectionsFor(admin: boolean, holder: Holder, caller?: Caller): Connections;
  end(): Promise<void>;
};

/** Connects on first use. */
export function openPools(connectionString: string, limits: ShareLimits, log: EngineLog): Pools {
  const open = (max: number, statementTimeoutMs: number, answerBytes: number | undefined): pg.Pool => {
    const pool = new pg.Pool({
      connectionString,
      max,
      statement_timeout: statementTimeoutMs,
      application_name: "hasura-engine",
      maxLifetimeSeconds: NAME_UNUSED_MS_MAX / 1_000,
      ...(answerBytes === undefined ? {} : { stream: () => boundedSocket(answerBytes) }),
    });
    pool.on("error", (error) => log.warn({ err: error }, "an idle database connection broke"));
    // The pool listens to idle connections only; one that breaks in use, or while it closes, would end the process.
    pool.on("connect", (client) => client.on("error", () => {}));
    return pool;
  };
  const admin = open(CONNECTIONS_MAX.admin, STATEMENT_TIMEOUT_MS, ANSWER_BYTES_MAX);
  const requests = open(limits.connections, limits.statementTimeoutMs, Math.min(limits.answerBytes, ANSWER_BYTES_MAX));
  const events = open(CONNECTIONS_MAX.events, STATEMENT_TIMEOUT_MS, undefined);
  const cancel = async (processId: number): Promise<void> => {
    await admin.query("select pg_cancel_backend($1)", [processId]);
  };
  const share = (pool: pg.Pool, statementTimeoutMs: number, total: number, each: number): SharedPool => ({
    pool,
    statementTimeoutMs,
    cancel,
    gate: createFairGate({ what: "statements", total, each, waitingEach: limits.waitingEach }),
  });
  const ofRequests = share(requests, limits.statementTimeoutMs, limits.connections, limits.connectionsEach);
  const ofAdmin = share(admin, STATEMENT_TIMEOUT_MS, CONNECTIONS_MAX.admin, CONNECTIONS_MAX.admin);
  return {
    requests,
    admin,
    events,
    connectionsFor: (isAdmin, holder, caller) => connectionsFor(isAdmin ? ofAdmin : ofRequests, holder, caller),
    end: async () => void (await Promise.all([requests.end(), admin.end(), events.end()])),
  };
}
