import type pg from "pg";
import type { PreparedOperation } from "../request/plan-operation.ts";
import type { Session } from "../session/session.ts";
import type { EngineSettings } from "../settings.ts";
import { bindSubscription } from "./bound-statement.ts";
import { createCohorts, type Sink } from "./cohorts.ts";

export type Subscriptions = {
  /**
   * Live and streaming queries (hasura-semantics.md B.8, D.8). The answer ends the subscription.
   * Throws HasuraError for what cannot be subscribed to.
   */
  subscribe(prepared: PreparedOperation, session: Session, sink: Sink): () => void;
  /** Polls that repeat at this moment, however many subscriptions they serve. */
  cohorts(): number;
  close(): void;
};

export function createSubscriptions({
  pool,
  settings,
}: {
  pool: pg.Pool;
  settings: Pick<
    EngineSettings,
    "liveQueriesRefetchIntervalMs" | "streamingQueriesRefetchIntervalMs" | "stringifyNumericTypes"
  >;
}): Subscriptions {
  const options = { stringifyNumericTypes: settings.stringifyNumericTypes };
  const cohorts = createCohorts({
    pool,
    intervalMs: { live: settings.liveQueriesRefetchIntervalMs, stream: settings.streamingQueriesRefetchIntervalMs },
  });
  return {
    subscribe: ({ operation, variables }, session, sink) =>
      cohorts.join(bindSubscription(operation, { variables, session }, options), sink),
    cohorts: cohorts.size,
    close: cohorts.close,
  };
}
