import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import { isOriginAllowed } from "../server/cors.ts";
import { headerMap } from "../server/request-facts.ts";
import { createOperationRoom } from "./operation-room.ts";
import { closeSocket, type SocketDeps, SUBPROTOCOL, serveSocket } from "./socket-connection.ts";

const SOCKETS_MAX = 1_000;
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
/** For the closing handshake of sockets that the server ends. */
const CLOSE_WITHIN_MS = 1_000;
/** Of operations that run on all sockets. */
const OPERATIONS_BYTES_MAX = 64 * 1024 * 1024;
/** Sent and not yet taken in by all clients together. */
const UNREAD_BYTES_MAX = 256 * 1024 * 1024;

export type SocketsOptions = Omit<SocketDeps, "room" | "isCrowded"> & {
  readonly corsDomain: string;
  readonly socketsMax?: number | undefined;
};

/** WebSocket upgrades on `/v1/graphql`; sockets end with the server and with every change of metadata. */
export function registerSockets(server: FastifyInstance, options: SocketsOptions): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const socketsMax = options.socketsMax ?? SOCKETS_MAX;
  const deps: SocketDeps = {
    ...options,
    room: createOperationRoom(OPERATIONS_BYTES_MAX),
    isCrowded: () =>
      [...sockets.clients].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0) > UNREAD_BYTES_MAX,
  };
  server.server.on("upgrade", (request, stream, head) => {
    stream.on("error", () => stream.destroy());
    const refusal = refusalOf(request, sockets.clients.size, socketsMax, options.corsDomain);
    if (refusal !== undefined) return refuse(stream, refusal);
    sockets.handleUpgrade(request, stream, head, (socket) => {
      if (socket.protocol === SUBPROTOCOL) serveSocket(socket, upgradeOf(request), deps);
      else closeSocket(socket, 4406, "Subprotocol not acceptable");
    });
  });
  const forgetListener = options.engine.onChange(() => closeAll(sockets, 1012, "the metadata has changed"));
  server.addHook("preClose", async () => {
    forgetListener();
    closeAll(sockets, 1001, "the server is going away");
    sockets.close();
  });
}

type Refusal = { readonly status: string; readonly code: string; readonly message: string };

function refusalOf(
  { url = "", headers: { origin } }: IncomingMessage,
  count: number,
  max: number,
  corsDomain: string,
): Refusal | undefined {
  if (url.split("?")[0] !== "/v1/graphql")
    return { status: "404 Not Found", code: "not-found", message: "resource does not exist" };
  // A browser sends no preflight for a socket, so the origin is judged here; other clients name none.
  if (origin !== undefined && !isOriginAllowed(origin, corsDomain)) {
    const message = "received origin header does not match configured CORS domains";
    return { status: "400 Bad Request", code: "access-denied", message };
  }
  if (count >= max)
    return { status: "503 Service Unavailable", code: "bad-request", message: `there are already ${max} sockets` };
  return undefined;
}

function refuse(stream: Duplex, { status, code, message }: Refusal): void {
  const body = JSON.stringify({ path: "$", error: message, code });
  stream.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function upgradeOf(request: IncomingMessage) {
  const headers = headerMap(request.headers);
  return { headers, requestId: headers.get("x-request-id") ?? randomUUID() };
}

function closeAll({ clients }: { clients: Set<WebSocket> }, code: number, reason: string): void {
  for (const socket of clients) {
    closeSocket(socket, code, reason);
    const timer = setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS);
    socket.once("close", () => clearTimeout(timer));
  }
}
