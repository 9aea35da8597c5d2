import type { GraphqlRequest } from "../../plan/graphql-request.ts";
import type { PreparedOperation } from "../../plan/plan-operation.ts";
import type { RequestContext, Session } from "../../session/session.ts";
import type { Sink } from "../../subscriptions/cohorts.ts";
import type { Subscriber } from "../../subscriptions/create-subscriptions.ts";

/** What the socket edge needs of an engine. */
export type SocketEngine = {
  /** Throws HasuraError. */
  plan(request: GraphqlRequest, session: Session): PreparedOperation;
  execute(request: GraphqlRequest, context: RequestContext): Promise<{ readonly dataText: string }>;
  /** Returns a function that ends the subscription. Throws HasuraError. */
  subscribe(prepared: PreparedOperation, caller: Subscriber, sink: Sink): () => void;
  /** The listener is called after every change of metadata. Returns a function that removes it. */
  onChange(listener: () => void): () => void;
};
