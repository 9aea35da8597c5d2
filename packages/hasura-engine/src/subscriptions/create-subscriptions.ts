import { HasuraError } from "../hasura-error.ts";
import { LIMITS_OF_ADMIN } from "../limits.ts";
import type { PreparedOperation } from "../plan/plan-operation.ts";
import { compileOptions } from "../run/compile-options.ts";
import type { Pools } from "../run/open-pools.ts";
import { UNBOUND } from "../session/holder.ts";
import type { RequestContext } from "../session/session.ts";
import type { EngineSettings } from "../settings.ts";
import { createCountShares } from "../shares/count-shares.ts";
import { bindSubscription } from "./bound-statement.ts";
import { createCohorts, type Sink } from "./cohorts.ts";

/** Who subscribes, and on whose account. */
export type Subscriber = Pick<RequestContext, "session" | "holder">;

export type Subscriptions = {
  /**
   * Starts a live or streaming query. Returns a function that ends it.
   * Throws HasuraError for what cannot be subscribed to, and for one too many.
   */
  subscribe(prepared: PreparedOperation, caller: Subscriber, sink: Sink): () => void;
  close(): void;
};

export function createSubscriptions({
  pools,
  settings,
}: {
  pools: Pools;
  settings: Pick<
    EngineSettings,
    | "documentLimits"
    | "shareLimits"
    | "liveQueriesRefetchIntervalMs"
    | "streamingQueriesRefetchIntervalMs"
    | "stringifyNumericTypes"
  >;
}): Subscriptions {
  const { polls, pollsEach, liveQueriesEach } = settings.shareLimits;
  const cohorts = createCohorts({
    intervalMs: { live: settings.liveQueriesRefetchIntervalMs, stream: settings.streamingQueriesRefetchIntervalMs },
    polls: { total: polls, each: pollsEach },
  });
  const running = createCountShares(liveQueriesEach);
  return {
    subscribe({ operation, variables }, { session, holder = UNBOUND }, sink) {
      const { statementLength } = session.admin ? LIMITS_OF_ADMIN : settings.documentLimits;
      const polled = bindSubscription(
        operation,
        { variables, session },
        compileOptions(session, settings),
        statementLength,
      );
      if (!running.take(holder))
        throw new HasuraError("bad-request", `more than ${running.each} subscriptions of one tenant or user`);
      const leave = cohorts.join(polled, pools.connectionsFor(session.admin, holder), sink);
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        running.giveBack(holder);
        leave();
      };
    },
    close: cohorts.close,
  };
}
