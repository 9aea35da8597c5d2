import pg from "pg";
import type { EngineLog } from "../engine-log.ts";
import type { ShareLimits } from "../limits.ts";
import type { Caller } from "../session/caller.ts";
import type { Holder } from "../session/holder.ts";
import { createFairGate, type FairGate } from "../shares/fair-gate.ts";
import { answerBytesMax, boundedSocket } from "./bounded-socket.ts";
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
  const bytes = { admin: answerBytesMax(true, limits), requests: answerBytesMax(false, limits) };
  const open = (max: number, statementTimeoutMs: number, answerBytes: number | undefined): pg.Pool => {
    const pool = new pg.Pool({
      connectionString,
      max,
      statement_timeout: statementTimeoutMs,
      application_name: "hasura-engine",
      maxLifetimeSeconds: NAME_UNUSED_MS_MAX / 1_000,
      // An idle connection lives as long, with the statements that it knows; a timer for each statement costs more than it saves.
      idleTimeoutMillis: 0,
      ...(answerBytes === undefined ? {} : { stream: () => boundedSocket(answerBytes) }),
    });
    pool.on("error", (error) => log.warn({ err: error }, "an idle database connection broke"));
    // The pool listens to idle connections only; one that breaks in use, or while it closes, would end the process.
    pool.on("connect", (client) => client.on("error", () => {}));
    return pool;
  };
  const admin = open(CONNECTIONS_MAX.admin, STATEMENT_TIMEOUT_MS, bytes.admin);
  const requests = open(limits.connections, limits.statementTimeoutMs, bytes.requests);
  const events = open(CONNECTIONS_MAX.events, STATEMENT_TIMEOUT_MS, undefined);
  const cancel = async (processId: number): Promise<void> => {
    await admin.query("select pg_cancel_backend($1)", [processId]);
  };
  const gate = (total: number, each: number): FairGate =>
    createFairGate({ what: "statements", total, each, waitingEach: limits.waitingEach });
  const ofRequests: SharedPool = {
    pool: requests,
    cancel,
    gate: gate(limits.connections, limits.connectionsEach),
    statementTimeoutMs: limits.statementTimeoutMs,
    answerBytesMax: bytes.requests,
  };
  const ofAdmin: SharedPool = {
    pool: admin,
    cancel,
    gate: gate(CONNECTIONS_MAX.admin, CONNECTIONS_MAX.admin),
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    answerBytesMax: bytes.admin,
  };
  return {
    requests,
    admin,
    events,
    connectionsFor: (isAdmin, holder, caller) => connectionsFor(isAdmin ? ofAdmin : ofRequests, holder, caller),
    end: async () => void (await Promise.all([requests.end(), admin.end(), events.end()])),
  };
}
