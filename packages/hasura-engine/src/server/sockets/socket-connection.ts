import type { WebSocket } from "ws";
import { HasuraError } from "../../hasura-error.ts";
import { printJson } from "../../json/exact-json.ts";
import { TIMER_MS_MAX } from "../../limits.ts";
import { type Authenticator, SECRET_HEADERS } from "../../session/authenticator.ts";
import { type Holder, holderOf, holderOfAddress } from "../../session/holder.ts";
import type { Session } from "../../session/session.ts";
import type { EngineSettings } from "../../settings.ts";
import type { EdgeShares } from "../edge-shares.ts";
import { type ClientMessage, readClientMessage } from "./client-message.ts";
import type { SocketEngine } from "./socket-engine.ts";
import { createSocketOperations, type SocketOperations } from "./socket-operations.ts";

export const SUBPROTOCOL = "graphql-transport-ws";

export type SocketDeps = {
  readonly engine: SocketEngine;
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly settings: SocketSettings;
  readonly shares: EdgeShares;
  readonly onFailure: (error: unknown, requestId: string) => void;
  /** The holder's clients, or all together, leave more unread than the process can hold. */
  readonly isCrowded: (holder: Holder) => boolean;
};

type SocketSettings = Pick<
  EngineSettings,
  | "devMode"
  | "adminInternalErrors"
  | "adminSecret"
  | "adminSecretOnSockets"
  | "anonymousSockets"
  | "corsDomain"
  | "corsLoopback"
  | "unauthorizedRole"
>;

/** What the upgrade request said. */
export type Upgrade = {
  readonly headers: ReadonlyMap<string, string>;
  readonly requestId: string;
  readonly address: string;
};

const INIT_WITHIN_MS = 3_000;
const PING_EVERY_MS = 5_000;
/** A peer of which nothing was heard for so long, not even the answer to a ping frame, is gone. */
const SILENCE_MAX_MS = 30_000;
/** A client that reads slower than its subscriptions write is cut off before it fills the process's memory. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
/** Who leaves no more than this unread is not cut off for the others. */
const UNREAD_BYTES_OF_EACH = 128 * 1024;
/** Of RFC 6455. */
const REASON_BYTES_MAX = 123;

type Connection = {
  readonly socket: WebSocket;
  readonly upgrade: Upgrade;
  readonly deps: SocketDeps;
  readonly operations: SocketOperations;
  readonly timers: Set<NodeJS.Timeout>;
  /** On whose account the socket is: its address, until it is known who asks. */
  holder: Holder;
  phase:
    | { readonly name: "new" | "authenticating" | "closed" }
    | { readonly name: "ready"; readonly session: Session; readonly headers: ReadonlyMap<string, string> };
};

/** Speaks graphql-transport-ws with one client (docs/reference/hasura-semantics.md, "Sockets"). Returns who that is. */
export function serveSocket(socket: WebSocket, upgrade: Upgrade, deps: SocketDeps): () => Holder {
  const send = (text: string): void => {
    if (socket.readyState !== socket.OPEN) return;
    const unread = socket.bufferedAmount;
    const isSlow = unread > UNREAD_BYTES_OF_EACH && deps.isCrowded(connection.holder);
    if (unread > UNREAD_BYTES_MAX || isSlow) socket.terminate();
    else socket.send(text);
  };
  const operations = createSocketOperations({ ...deps, view: deps.settings, send });
  const timers = new Set<NodeJS.Timeout>();
  const holder = holderOfAddress(upgrade.address);
  const connection: Connection = { socket, upgrade, deps, operations, timers, holder, phase: { name: "new" } };
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
    deps.shares.sockets.giveBack(connection.holder);
  });
  socket.on("message", (data) => {
    if (socket.readyState !== socket.OPEN) return;
    const text = String(data);
    const message = readClientMessage(text);
    if (message === undefined) closeSocket(socket, 4400, "Invalid message received");
    else receive(connection, message, text.length, send);
  });
  return () => connection.holder;
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
        const { holder } = connection;
        const context = { session: phase.session, clientHeaders: phase.headers, requestId, holder };
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
    refuseSecret(headers, deps.settings);
    const session = await deps.authenticator.authenticate(headers);
    // The client may have gone while a key set was asked for.
    if (socket.readyState !== socket.OPEN) return;
    refuseAnonymous(session, deps.settings);
    moveTo(connection, holderOf(session, upgrade.address, deps.shares.rules));
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

/** A proxy can strip a header, but not what a message says. */
function refuseSecret(headers: ReadonlyMap<string, string>, settings: SocketSettings): void {
  if (settings.adminSecretOnSockets || settings.adminSecret === undefined) return;
  if (SECRET_HEADERS.some((name) => headers.has(name)))
    throw new HasuraError("access-denied", "the admin secret is not accepted on sockets");
}

function refuseAnonymous({ role }: Session, { anonymousSockets, unauthorizedRole }: SocketSettings): void {
  if (!anonymousSockets && role === unauthorizedRole)
    throw new HasuraError("access-denied", "sockets are for clients that say who they are");
}

/** From the share of the client's address to its own. */
function moveTo(connection: Connection, holder: Holder): void {
  const { sockets } = connection.deps.shares;
  if (!sockets.take(holder))
    throw new HasuraError("access-denied", `more than ${sockets.each} sockets of one tenant or user`);
  sockets.giveBack(connection.holder);
  connection.holder = holder;
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
    Math.min(remainingMs, TIMER_MS_MAX),
  );
  timers.add(timer);
}

export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  let text = reason;
  while (Buffer.byteLength(text) > REASON_BYTES_MAX) text = text.slice(0, -1);
  socket.close(code, text);
}
