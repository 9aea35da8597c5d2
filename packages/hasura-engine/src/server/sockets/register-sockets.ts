import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import { type Holder, holderOfAddress } from "../../session/holder.ts";
import { type CorsSettings, isOriginAllowed } from "../cors.ts";
import { endWithRefusal, type RawRefusal } from "../raw-refusal.ts";
import { headerMap } from "../request-facts.ts";
import { closeSocket, type SocketDeps, SUBPROTOCOL, serveSocket, type Upgrade } from "./socket-connection.ts";

const SOCKETS_MAX = 1_000;
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
/** For the closing handshake of sockets that the server ends. */
const CLOSE_WITHIN_MS = 1_000;

export type SocketsOptions = Omit<SocketDeps, "isCrowded"> & {
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
  const holders = new Map<WebSocket, () => Holder>();
  const { shares } = options;
  const isCrowded = (holder: Holder): boolean => {
    let [own, all] = [0, 0];
    for (const [{ bufferedAmount }, holderOfSocket] of holders) {
      all += bufferedAmount;
      if (holderOfSocket().key === holder.key) own += bufferedAmount;
    }
    return all > shares.unreadBytes.total || (own > shares.unreadBytes.each && !holder.exempt);
  };
  const deps: SocketDeps = { ...options, isCrowded };
  server.server.on("upgrade", (request, stream, head) => {
    stream.on("error", () => stream.destroy());
    const upgrade = upgradeOf(request);
    const refusal = refusalOf(request, sockets.clients.size, socketsMax, options.settings);
    if (refusal !== undefined) return endWithRefusal(stream, refusal);
    sockets.handleUpgrade(request, stream, head, (socket) => {
      if (socket.protocol !== SUBPROTOCOL) return closeSocket(socket, 4406, "Subprotocol not acceptable");
      if (!shares.sockets.take(holderOfAddress(upgrade.address)))
        return closeSocket(socket, 4403, `more than ${shares.sockets.each} sockets of one address wait`);
      holders.set(socket, serveSocket(socket, upgrade, deps));
      socket.once("close", () => holders.delete(socket));
    });
  });
  const forgetListener = options.engine.onChange(() => closeAll(sockets, 1012, "the metadata has changed"));
  server.addHook("preClose", async () => {
    forgetListener();
    closeAll(sockets, 1001, "the server is going away");
    sockets.close();
  });
}

function refusalOf(
  { url = "", headers: { origin } }: IncomingMessage,
  count: number,
  max: number,
  cors: CorsSettings,
): RawRefusal | undefined {
  if (url.split("?")[0] !== "/v1/graphql")
    return { status: 404, code: "not-found", message: "resource does not exist" };
  // A browser sends no preflight for a socket, so the origin is judged here; other clients name none.
  if (origin !== undefined && !isOriginAllowed(origin, cors)) {
    const message = "received origin header does not match configured CORS domains";
    return { status: 400, code: "access-denied", message };
  }
  if (count >= max) return { status: 503, code: "bad-request", message: `there are already ${max} sockets` };
  return undefined;
}

function upgradeOf(request: IncomingMessage): Upgrade {
  const headers = headerMap(request.headers);
  return {
    headers,
    requestId: headers.get("x-request-id") ?? randomUUID(),
    address: request.socket.remoteAddress ?? "",
  };
}

function closeAll({ clients }: { clients: Set<WebSocket> }, code: number, reason: string): void {
  for (const socket of clients) {
    closeSocket(socket, code, reason);
    const timer = setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS);
    socket.once("close", () => clearTimeout(timer));
  }
}
