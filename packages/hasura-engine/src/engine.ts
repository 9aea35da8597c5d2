import pg from "pg";
import { runAction } from "./actions/run-action.ts";
import { fetchRelated } from "./engine/fetch-related.ts";
import { hasUnreachableRemote, type Introspect, type Loaded, load, retryRemotes } from "./engine/load-state.ts";
import { createIntrospectionBudget, runIntrospection } from "./engine/run-introspection.ts";
import type { EngineLog } from "./engine-log.ts";
import { startEvents } from "./events/start-events.ts";
import { HasuraError } from "./hasura-error.ts";
import type { Metadata } from "./metadata/metadata.ts";
import type { Inconsistency, Model } from "./model/model.ts";
import { introspectRemote } from "./remote-schema/introspect-remote.ts";
import { joinRemotes } from "./remote-schema/join-remotes.ts";
import { runRemote } from "./remote-schema/run-remote.ts";
import { type GraphqlRequest, parseRequestBody } from "./request/graphql-request.ts";
import { createPlanner, type Planner, type PreparedOperation } from "./request/plan-operation.ts";
import { ANSWER_BYTES_MAX, boundedSocket } from "./run/bounded-socket.ts";
import { executeOperation } from "./run/execute-operation.ts";
import { createRoleSchemas, printRoleSchema, type RoleSchemas } from "./schema/role-schema.ts";
import type { RequestContext, Session } from "./session/session.ts";
import type { EngineSettings } from "./settings.ts";
import type { Sink } from "./subscriptions/cohorts.ts";
import { createSubscriptions } from "./subscriptions/create-subscriptions.ts";

export type EngineOptions = {
  readonly metadata: Metadata;
  readonly databaseUrl: string;
  readonly settings: EngineSettings;
  readonly log?: EngineLog;
  /** How a remote schema is asked for its types; default: over HTTP. */
  readonly introspect?: Introspect;
  /** Pause between two tries to reach an unreachable remote schema; default 5 s. */
  readonly remoteRetryMs?: number;
  /** Event triggers are installed, and events and crons delivered; default true. */
  readonly events?: boolean;
};

export type ExecutionResult = { readonly dataText: string; readonly setCookie: readonly string[] };

export type Engine = {
  /** One request or a batch. Throws HasuraError. */
  parseRequestBody(text: string): ReturnType<typeof parseRequestBody>;
  /** Checks a request against the role's schema. Throws HasuraError. */
  plan(request: GraphqlRequest, session: Session): PreparedOperation;
  /** Queries and mutations; `dataText` is the JSON text of `data`. Throws HasuraError or PassedThroughErrors. */
  execute(request: GraphqlRequest, context: RequestContext): Promise<ExecutionResult>;
  /** A planned subscription; `sink` is told of every answer, and what comes back ends it. Throws HasuraError. */
  subscribe(prepared: PreparedOperation, session: Session, sink: Sink): () => void;
  /** Throws MetadataRefused and keeps the old metadata for what the engine does not support. */
  reload(metadata: Metadata): Promise<void>;
  inconsistencies(): readonly Inconsistency[];
  /** The role's schema as SDL, without mutations that are `backend_only`. */
  sdl(role: string): string;
  /** In force at this moment. */
  state(): EngineState;
  /** Called after every change of the model; the answer takes the listener away. */
  onChange(listener: (state: EngineState) => void): () => void;
  readonly pool: pg.Pool;
  ping(): Promise<void>;
  close(): Promise<void>;
};

export type EngineState = {
  readonly metadata: Metadata;
  readonly model: Model;
  readonly roleSchemas: RoleSchemas;
  readonly planner: Planner;
};

/** Events have some of their own: they are delivered while queries take all the others. */
const connectionsMax = { requests: 14, events: 2 } as const;
const statementTimeoutMs = 30_000;
const remoteRetryMsDefault = 5_000;
const silent: EngineLog = { info: () => {}, warn: () => {}, error: () => {} };

/** Starts an engine over the database. @throws MetadataRefused */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { settings, log = silent, introspect = introspectRemote, remoteRetryMs = remoteRetryMsDefault } = options;
  const pool = openPool(options.databaseUrl, log, {
    max: connectionsMax.requests,
    stream: () => boundedSocket(ANSWER_BYTES_MAX),
  });
  const eventsPool = openPool(options.databaseUrl, log, { max: connectionsMax.events });
  const endPools = async (): Promise<void> => void (await Promise.all([pool.end(), eventsPool.end()]));
  const endPoolsAndThrow = async (error: unknown): Promise<never> => {
    await endPools();
    throw error;
  };
  let version = 1;
  let loaded = await load(options.metadata, { pool, settings, introspect, version }).catch(endPoolsAndThrow);
  let state = stateOf(loaded);
  const starting =
    options.events === false ? undefined : startEvents({ pool: eventsPool, settings, log }, loaded.model);
  const events = await starting?.catch(endPoolsAndThrow);
  const subscriptions = createSubscriptions({ pool, settings });
  const listeners = new Set<(state: EngineState) => void>();
  const replace = (next: Loaded): void => {
    loaded = next;
    state = stateOf(next);
    logInconsistencies(next.model, log);
    for (const listener of listeners) listener(state);
  };
  const oneByOne = sequence();
  const retry = setInterval(() => void oneByOne(retryUnreachable), remoteRetryMs).unref();
  async function retryUnreachable(): Promise<void> {
    if (!hasUnreachableRemote(loaded)) return;
    const next = await retryRemotes(loaded, { settings, introspect, version: version + 1 });
    if (next === undefined) return;
    version += 1;
    replace(next);
  }
  logInconsistencies(loaded.model, log);
  return {
    parseRequestBody,
    plan: (request, session) => plan(request, session, state),
    execute: (request, context) => execute(request, context, state, pool, settings),
    subscribe: subscriptions.subscribe,
    reload: (metadata) =>
      oneByOne(async () => {
        const next = await load(metadata, { pool, settings, introspect, version: version + 1 });
        version += 1;
        await events?.install(next.model);
        replace(next);
      }),
    inconsistencies: () => state.model.inconsistencies,
    sdl: (role) => printRoleSchema(state.roleSchemas.get(role, false)),
    state: () => state,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    pool,
    ping: async () => void (await pool.query("select 1")),
    async close() {
      clearInterval(retry);
      subscriptions.close();
      await oneByOne(async () => {});
      await events?.stop();
      await endPools();
    },
  };
}

function stateOf({ metadata, model }: Loaded): EngineState {
  return { metadata, model, roleSchemas: createRoleSchemas(model), planner: createPlanner() };
}

function openPool(connectionString: string, log: EngineLog, more: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    ...more,
    connectionString,
    statement_timeout: statementTimeoutMs,
    application_name: "hasura-engine",
  });
  pool.on("error", (error) => log.warn({ err: error }, "an idle database connection broke"));
  // The pool listens to idle connections only; one that breaks in use, or while it closes, would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

function plan(request: GraphqlRequest, session: Session, { roleSchemas, planner }: EngineState): PreparedOperation {
  return planner.plan(request, roleSchemas.get(session.role, session.backendOnly));
}

async function execute(
  request: GraphqlRequest,
  context: RequestContext,
  state: EngineState,
  pool: pg.Pool,
  settings: EngineSettings,
): Promise<ExecutionResult> {
  const { session } = context;
  const { operation, variables } = plan(request, session, state);
  if (operation.kind === "subscription") {
    throw new HasuraError("unexpected-payload", "subscriptions are not supported over HTTP, use websockets instead");
  }
  const options = { stringifyNumericTypes: settings.stringifyNumericTypes };
  const introspectionBudget = createIntrospectionBudget();
  return executeOperation(
    operation,
    { context, variables },
    {
      pool,
      options,
      runAction: (call) =>
        runAction(call, context, {
          customTypes: state.model.customTypes,
          settings,
          fetchRelated: (relationship, keys) => fetchRelated(pool, relationship, keys, { variables, session }, options),
        }),
      runRemote,
      joinRemotes,
      runIntrospection: (field) => runIntrospection(field, introspectionBudget),
    },
  );
}

function logInconsistencies(model: Model, log: EngineLog): void {
  for (const { type, name, reason } of model.inconsistencies) {
    log.warn({ type, name, reason }, "a metadata object is inconsistent and left out");
  }
}

/** Runs works one after the other; a failed one does not keep the next from running. */
function sequence(): (work: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}
