import type { GraphqlRequest } from "../request/graphql-request.ts";
import type { PreparedOperation } from "../request/plan-operation.ts";
import type { RequestContext, Session } from "../session/session.ts";
import type { Sink } from "./cohorts.ts";

/** What the socket edge needs of an engine. */
export type SocketEngine = {
  /** Throws HasuraError. */
  plan(request: GraphqlRequest, session: Session): PreparedOperation;
  execute(request: GraphqlRequest, context: RequestContext): Promise<{ readonly dataText: string }>;
  /** The answer ends the subscription. Throws HasuraError. */
  subscribe(prepared: PreparedOperation, session: Session, sink: Sink): () => void;
  /** Told after every change of metadata; the answer takes the listener away. */
  onChange(listener: () => void): () => void;
};
