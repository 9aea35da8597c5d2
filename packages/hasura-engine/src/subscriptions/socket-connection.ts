import type { WebSocket } from "ws";
import { HasuraError } from "../hasura-error.ts";
import { printJson } from "../json/exact-json.ts";
import type { InternalView } from "../server/error-answer.ts";
import type { Authenticator } from "../session/authenticator.ts";
import type { Session } from "../session/session.ts";
import { type ClientMessage, readClientMessage } from "./client-message.ts";
import type { OperationRoom } from "./operation-room.ts";
import type { SocketEngine } from "./socket-engine.ts";
import { createSocketOperations, type SocketOperations } from "./socket-operations.ts";

export const SUBPROTOCOL = "graphql-transport-ws";

export type SocketDeps = {
  readonly engine: SocketEngine;
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly view: Omit<InternalView, "admin">;
  readonly onFailure: (error: unknown, requestId: string) => void;
  readonly room: OperationRoom;
  /** All clients together leave more unread than the process can hold. */
  readonly isCrowded: () => boolean;
};

/** What the upgrade request said. */
export type Upgrade = { readonly headers: ReadonlyMap<string, string>; readonly requestId: string };

const INIT_WITHIN_MS = 3_000;
const PING_EVERY_MS = 5_000;
/** A peer of which nothing was heard for so long, not even the answer to a ping frame, is gone. */
const SILENCE_MAX_MS = 30_000;
/** A client that reads slower than its subscriptions write is cut off before it fills the process's memory. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
/** Who leaves no more than this unread is not cut off for the others. */
const UNREAD_BYTES_OF_EACH = 128 * 1024;
const TIMER_MAX_MS = 2 ** 31 - 1;
/** Of RFC 6455. */
const REASON_BYTES_MAX = 123;

type Connection = {
  readonly socket: WebSocket;
  readonly upgrade: Upgrade;
  readonly deps: SocketDeps;
  readonly operations: SocketOperations;
  readonly timers: Set<NodeJS.Timeout>;
  phase:
    | { readonly name: "new" | "authenticating" | "closed" }
    | { readonly name: "ready"; readonly session: Session; readonly headers: ReadonlyMap<string, string> };
};

/** Speaks graphql-transport-ws with one client (hasura-semantics.md B.8). */
export function serveSocket(socket: WebSocket, upgrade: Upgrade, deps: SocketDeps): void {
  const send = (text: string): void => {
    if (socket.readyState !== socket.OPEN) return;
    const unread = socket.bufferedAmount;
    if (unread > UNREAD_BYTES_MAX || (unread > UNREAD_BYTES_OF_EACH && deps.isCrowded())) socket.terminate();
    else socket.send(text);
  };
  const operations = createSocketOperations({ ...deps, send });
  const timers = new Set<NodeJS.Timeout>();
  const connection: Connection = { socket, upgrade, deps, operations, timers, phase: { name: "new" } };
  const initTimer = setTimeout(() => {
    if (connection.phase.name === "new") closeSocket(socket, 4408, "Connection initialisation timeout");
  }, INIT_WITHIN_MS);
  timers.add(initTimer);
  // The library closes the socket itself, and tells the client why.
  socket.on("error", () => {});
  socket.on("close", () => {
    connection.phase = { name: "closed" };
    for (const timer of timers) clearTimeout(timer);
    operations.stopAll();
  });
  socket.on("message", (data) => {
    if (socket.readyState !== socket.OPEN) return;
    const text = String(data);
    const message = readClientMessage(text);
    if (message === undefined) closeSocket(socket, 4400, "Invalid message received");
    else receive(connection, message, text.length, send);
  });
}

function receive(connection: Connection, message: ClientMessage, bytes: number, send: (text: string) => void): void {
  const { socket, operations, phase } = connection;
  switch (message.type) {
    case "connection_init":
      if (phase.name === "new") void initialise(connection, message.headers, send);
      else closeSocket(socket, 4429, "Too many initialisation requests");
      return;
    case "ping":
      send(`{"type":"pong"${message.payload === undefined ? "" : `,"payload":${printJson(message.payload)}`}}`);
      return;
    case "pong":
      return;
    case "complete":
      operations.stop(message.id);
      return;
    case "subscribe": {
      const { id } = message;
      if (phase.name !== "ready") closeSocket(socket, 4401, "Unauthorized");
      else if (operations.has(id)) closeSocket(socket, 4409, `Subscriber for ${id} already exists`);
      else {
        const { requestId } = connection.upgrade;
        const context = { session: phase.session, clientHeaders: phase.headers, requestId };
        operations.start(id, { payload: message.payload, bytes }, context);
      }
      return;
    }
    default:
      message satisfies never;
  }
}

async function initialise(
  connection: Connection,
  given: ReadonlyMap<string, string>,
  send: (text: string) => void,
): Promise<void> {
  const { socket, upgrade, deps } = connection;
  connection.phase = { name: "authenticating" };
  const headers = new Map([...upgrade.headers, ...given]);
  try {
    const session = await deps.authenticator.authenticate(headers);
    // The client may have gone while a key set was asked for.
    if (socket.readyState !== socket.OPEN) return;
    connection.phase = { name: "ready", session, headers };
    send('{"type":"connection_ack"}');
    keepAlive(connection, send);
    if (session.expiresAt !== undefined) closeAt(connection, session.expiresAt * 1000);
  } catch (error) {
    deps.onFailure(error, upgrade.requestId);
    if (error instanceof HasuraError) closeSocket(socket, 4403, error.message);
    else closeSocket(socket, 4500, "internal error");
  }
}

/** Beside the protocol's own `ping`, which a client may leave unanswered, a ping frame tells whether the peer lives. */
function keepAlive({ socket, timers }: Connection, send: (text: string) => void): void {
  let heardAt = performance.now();
  const heard = (): void => {
    heardAt = performance.now();
  };
  socket.on("message", heard);
  socket.on("pong", heard);
  const timer = setInterval(() => {
    if (performance.now() - heardAt > SILENCE_MAX_MS) return socket.terminate();
    send('{"type":"ping"}');
    if (socket.readyState === socket.OPEN) socket.ping();
  }, PING_EVERY_MS);
  timers.add(timer);
}

function closeAt(connection: Connection, timeMs: number): void {
  const { socket, timers } = connection;
  const remainingMs = timeMs - Date.now();
  if (remainingMs <= 0) {
    closeSocket(socket, 4403, "Could not verify JWT: JWTExpired");
    return;
  }
  const timer = setTimeout(
    () => {
      timers.delete(timer);
      closeAt(connection, timeMs);
    },
    Math.min(remainingMs, TIMER_MAX_MS),
  );
  timers.add(timer);
}

export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  let text = reason;
  while (Buffer.byteLength(text) > REASON_BYTES_MAX) text = text.slice(0, -1);
  socket.close(code, text);
}
