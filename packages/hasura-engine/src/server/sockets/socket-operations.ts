import { HasuraError } from "../../hasura-error.ts";
import type { Json } from "../../json/exact-json.ts";
import { readRequest } from "../../plan/graphql-request.ts";
import { createCaller, type Departing } from "../../session/caller.ts";
import type { Holder } from "../../session/holder.ts";
import type { RequestContext } from "../../session/session.ts";
import type { Leave } from "../../shares/fair-gate.ts";
import type { Sink } from "../../subscriptions/cohorts.ts";
import type { EdgeShares } from "../edge-shares.ts";
import { graphqlErrors, type InternalView } from "../error-answer.ts";
import type { SocketEngine } from "./socket-engine.ts";

/** The operations of one socket, by the ids its client gave them. */
export type SocketOperations = {
  has(id: string): boolean;
  start(id: string, message: OperationMessage, context: OperationContext): void;
  /** Without an answer, as the client asked for it. */
  stop(id: string): void;
  stopAll(): void;
};

type OperationContext = Omit<RequestContext, "caller"> & { readonly holder: Holder };

/** `bytes`: of the text it was read from. */
export type OperationMessage = { readonly payload: Json; readonly bytes: number };

/** Protects the process from one socket; far above what a page needs. */
const OPERATIONS_MAX = 1_000;

type Running = { readonly caller: Departing; readonly holder: Holder; readonly bytes: number };

export function createSocketOperations(deps: {
  engine: SocketEngine;
  view: Omit<InternalView, "admin">;
  send: (text: string) => void;
  onFailure: (error: unknown, requestId: string) => void;
  shares: Pick<EdgeShares, "operations" | "requests">;
}): SocketOperations {
  const running = new Map<string, Running>();
  const forget = (id: string): void => {
    const known = running.get(id);
    if (known !== undefined) deps.shares.operations.release(known.holder, known.bytes);
    running.delete(id);
  };
  const hold = (id: string, caller: Departing, holder: Holder, bytes: number): void => {
    const exceeded = deps.shares.operations.hold(holder, bytes);
    if (exceeded !== undefined) {
      const whose = exceeded.of === "one" ? "the sockets of one tenant or user" : "all sockets";
      throw new HasuraError("bad-request", `the operations of ${whose} are larger than ${exceeded.bytesMax} bytes`);
    }
    running.set(id, { caller, holder, bytes });
  };

  const start = async (id: string, { payload, bytes }: OperationMessage, facts: OperationContext): Promise<void> => {
    const caller = createCaller(() => running.get(id)?.caller !== caller);
    const { session, holder } = facts;
    const errorsOf = (error: unknown) => graphqlErrors(error, { ...deps.view, admin: session.admin });
    const fail = (error: unknown): void => {
      if (caller.isGone()) return;
      forget(id);
      deps.onFailure(error, facts.requestId);
      deps.send(JSON.stringify({ id, type: "error", payload: errorsOf(error) }));
    };
    const next = (dataText: string): void => {
      if (!caller.isGone()) deps.send(`{"id":${JSON.stringify(id)},"type":"next","payload":{"data":${dataText}}}`);
    };
    const pollFailed = (error: unknown): void => {
      if (!caller.isGone()) deps.send(JSON.stringify({ id, type: "next", payload: { errors: errorsOf(error) } }));
    };
    const sink = reportingOnce({ next, pollFailed }, (error) => deps.onFailure(error, facts.requestId));
    const tooMany = running.size >= OPERATIONS_MAX;
    running.set(id, { caller, holder, bytes: 0 });
    let leave: Leave | undefined;
    try {
      if (tooMany) throw new HasuraError("bad-request", `a socket carries at most ${OPERATIONS_MAX} operations`);
      hold(id, caller, holder, bytes);
      const turn = deps.shares.requests.enter(holder, caller);
      leave = turn instanceof Promise ? await turn : turn;
      if (caller.isGone()) return;
      const request = readRequest(payload);
      const prepared = deps.engine.plan(request, session);
      if (prepared.operation.kind === "subscription") {
        const end = deps.engine.subscribe(prepared, facts, sink);
        caller.whenGone(end);
        return;
      }
      const { dataText } = await deps.engine.execute(request, { ...facts, caller });
      if (caller.isGone()) return;
      next(dataText);
      forget(id);
      deps.send(JSON.stringify({ id, type: "complete" }));
    } catch (error) {
      fail(error);
    } finally {
      leave?.();
    }
  };
  const stop = (id: string): void => {
    const caller = running.get(id)?.caller;
    forget(id);
    caller?.goes();
  };
  return {
    has: (id) => running.has(id),
    start: (id, payload, facts) => void start(id, payload, facts),
    stop,
    stopAll: () => [...running.keys()].forEach(stop),
  };
}

/** Reports the first failure of a row of them, so that a lost database is one line a subscription and not one a poll. */
function reportingOnce(sink: Sink, report: (error: unknown) => void): Sink {
  let failing = false;
  return {
    next(dataText) {
      failing = false;
      sink.next(dataText);
    },
    pollFailed(error) {
      if (!failing) report(error);
      failing = true;
      sink.pollFailed(error);
    },
  };
}
