import { fetchRelated } from "./actions/fetch-related.ts";
import { runAction } from "./actions/run-action.ts";
import { type EngineLog, withoutValuesInErrors } from "./engine-log.ts";
import { startEvents } from "./events/start-events.ts";
import { HasuraError } from "./hasura-error.ts";
import { type DocumentLimits, LIMITS_OF_ADMIN } from "./limits.ts";
import { hasUnreachableRemote, type Introspect, type Loaded, load, retryRemotes } from "./load-state.ts";
import type { Metadata } from "./metadata/metadata.ts";
import type { Inconsistency, Model } from "./model/model.ts";
import { createSpent, type Spent } from "./plan/document-budget.ts";
import { type GraphqlRequest, parseRequestBody } from "./plan/graphql-request.ts";
import { createPlanner, type Planner, type PreparedOperation } from "./plan/plan-operation.ts";
import { introspectRemote } from "./remote-schema/introspect-remote.ts";
import { joinRemotes } from "./remote-schema/join-remotes.ts";
import { runRemote } from "./remote-schema/run-remote.ts";
import { compileOptions } from "./run/compile-options.ts";
import { executeOperation } from "./run/execute-operation.ts";
import { openPools, type Pools } from "./run/open-pools.ts";
import { answerIntrospection } from "./run/run-introspection.ts";
import { createRoleSchemas, printRoleSchema, type RoleSchemas } from "./schema/role-schema.ts";
import { UNBOUND } from "./session/holder.ts";
import type { RequestContext, Session } from "./session/session.ts";
import type { EngineSettings } from "./settings.ts";
import type { Sink } from "./subscriptions/cohorts.ts";
import { createSubscriptions, type Subscriber } from "./subscriptions/create-subscriptions.ts";

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
  /** Queries and mutations; `dataText` is the JSON text of `data`. Throws HasuraError or PassedThroughError. */
  execute(request: GraphqlRequest, context: RequestContext): Promise<ExecutionResult>;
  /** Tells `sink` of every answer. Returns a function that ends the subscription. Throws HasuraError. */
  subscribe(prepared: PreparedOperation, caller: Subscriber, sink: Sink): () => void;
  /** Throws MetadataRefusedError and keeps the old metadata for what the engine does not support. */
  reload(metadata: Metadata): Promise<void>;
  inconsistencies(): readonly Inconsistency[];
  /** The role's schema as SDL, without mutations that are `backend_only`. */
  sdl(role: string): string;
  /** In force at this moment. */
  state(): EngineState;
  /** The listener is called after every change of the model. Returns a function that removes it. */
  onChange(listener: (state: EngineState) => void): () => void;
  readonly pools: Pick<Pools, "requests" | "admin">;
  ping(): Promise<void>;
  close(): Promise<void>;
};

export type EngineState = {
  readonly metadata: Metadata;
  readonly model: Model;
  readonly roleSchemas: RoleSchemas;
  readonly planner: Planner;
};

const REMOTE_RETRY_MS_DEFAULT = 5_000;
const SILENT: EngineLog = { info: () => {}, warn: () => {}, error: () => {} };

/** Starts an engine over the database. Throws MetadataRefusedError. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { settings, introspect = introspectRemote, remoteRetryMs = REMOTE_RETRY_MS_DEFAULT } = options;
  const log = withoutValuesInErrors(options.log ?? SILENT);
  const pools = openPools(options.databaseUrl, settings.shareLimits, log);
  const pool = pools.admin;
  const endPoolsAndThrow = async (error: unknown): Promise<never> => {
    await pools.end();
    throw error;
  };
  let version = 1;
  let loaded = await load(options.metadata, { pool, settings, introspect, version }).catch(endPoolsAndThrow);
  let state = stateOf(loaded, settings.documentLimits);
  const starting =
    options.events === false ? undefined : startEvents({ pool: pools.events, settings, log }, loaded.model);
  const events = await starting?.catch(endPoolsAndThrow);
  const subscriptions = createSubscriptions({ pools, settings });
  const listeners = new Set<(state: EngineState) => void>();
  const replace = (next: Loaded): void => {
    loaded = next;
    state = stateOf(next, settings.documentLimits);
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
    plan: (request, session) => plan(request, session, state, createSpent()),
    execute: (request, context) => execute(request, context, state, pools, settings),
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
    pools,
    ping: async () => void (await pool.query("select 1")),
    async close() {
      clearInterval(retry);
      subscriptions.close();
      await oneByOne(async () => {});
      await events?.stop();
      await pools.end();
    },
  };
}

function stateOf({ metadata, model }: Loaded, limits: DocumentLimits): EngineState {
  return { metadata, model, roleSchemas: createRoleSchemas(model), planner: createPlanner(limits) };
}

function plan(
  request: GraphqlRequest,
  session: Session,
  { roleSchemas, planner }: EngineState,
  spent: Spent,
): PreparedOperation {
  return planner.plan(request, roleSchemas.get(session.role, session.backendOnly), spent);
}

async function execute(
  request: GraphqlRequest,
  context: RequestContext,
  state: EngineState,
  pools: Pools,
  settings: EngineSettings,
): Promise<ExecutionResult> {
  const { session, holder = UNBOUND, spent = createSpent() } = context;
  const { operation, variables } = plan(request, session, state, spent);
  if (operation.kind === "subscription") {
    throw new HasuraError("unexpected-payload", "subscriptions are not supported over HTTP, use websockets instead");
  }
  const limits = session.admin ? LIMITS_OF_ADMIN : settings.documentLimits;
  const connections = pools.connectionsFor(session.admin, holder, context.caller);
  const options = compileOptions(session, settings);
  return executeOperation(
    operation,
    { context, variables },
    {
      connections,
      options,
      runAction: (call) =>
        runAction(call, context, {
          customTypes: state.model.customTypes,
          settings,
          fetchRelated: (relationship, keys) =>
            fetchRelated(connections, relationship, keys, { variables, session }, options),
        }),
      runRemote,
      joinRemotes,
      statementLengthMax: limits.statementLength,
      runIntrospection: (field) => answerIntrospection(field, spent, limits),
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
