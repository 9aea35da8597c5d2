import { HasuraError } from "../hasura-error.ts";
import type { Json } from "../json/exact-json.ts";
import { readRequest } from "../request/graphql-request.ts";
import { graphqlErrors, type InternalView } from "../server/error-answer.ts";
import type { RequestContext } from "../session/session.ts";
import type { OperationRoom } from "./operation-room.ts";
import type { SocketEngine } from "./socket-engine.ts";

/** The operations of one socket, by the ids its client gave them. */
export type SocketOperations = {
  has(id: string): boolean;
  start(id: string, message: OperationMessage, context: Omit<RequestContext, "signal">): void;
  /** Without an answer, as the client asked for it. */
  stop(id: string): void;
  stopAll(): void;
};

/** `bytes`: of the text it was read from. */
export type OperationMessage = { readonly payload: Json; readonly bytes: number };

/** Protects the process from one socket; far above what a page needs. */
const OPERATIONS_MAX = 1_000;

type Running = { readonly controller: AbortController; readonly bytes: number };

export function createSocketOperations(deps: {
  engine: SocketEngine;
  view: Omit<InternalView, "admin">;
  send: (text: string) => void;
  onFailure: (error: unknown, requestId: string) => void;
  room: OperationRoom;
}): SocketOperations {
  const running = new Map<string, Running>();
  const forget = (id: string): void => {
    deps.room.leave(running.get(id)?.bytes ?? 0);
    running.delete(id);
  };

  const start = async (
    id: string,
    { payload, bytes }: OperationMessage,
    facts: Omit<RequestContext, "signal">,
  ): Promise<void> => {
    const controller = new AbortController();
    const { signal } = controller;
    const { session } = facts;
    const fail = (error: unknown): void => {
      if (signal.aborted) return;
      forget(id);
      deps.onFailure(error, facts.requestId);
      const errors = graphqlErrors(error, { ...deps.view, admin: session.admin });
      deps.send(JSON.stringify({ id, type: "error", payload: errors }));
    };
    const next = (dataText: string): void => {
      if (!signal.aborted) deps.send(`{"id":${JSON.stringify(id)},"type":"next","payload":{"data":${dataText}}}`);
    };
    const tooMany = running.size >= OPERATIONS_MAX;
    running.set(id, { controller, bytes: 0 });
    try {
      if (tooMany) throw new HasuraError("bad-request", `a socket carries at most ${OPERATIONS_MAX} operations`);
      deps.room.enter(bytes);
      running.set(id, { controller, bytes });
      const request = readRequest(payload);
      const prepared = deps.engine.plan(request, session);
      if (prepared.operation.kind === "subscription") {
        const end = deps.engine.subscribe(prepared, session, { next, fail });
        signal.addEventListener("abort", end);
        return;
      }
      const { dataText } = await deps.engine.execute(request, { ...facts, signal });
      if (signal.aborted) return;
      next(dataText);
      forget(id);
      deps.send(JSON.stringify({ id, type: "complete" }));
    } catch (error) {
      fail(error);
    }
  };
  const stop = (id: string): void => {
    const controller = running.get(id)?.controller;
    forget(id);
    controller?.abort();
  };
  return {
    has: (id) => running.has(id),
    start: (id, payload, facts) => void start(id, payload, facts),
    stop,
    stopAll: () => [...running.keys()].forEach(stop),
  };
}
