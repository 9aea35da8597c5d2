import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import { createMetrics, registerMetrics } from "@control-plane/service-kit";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { HasuraError } from "./hasura-error.ts";
import type { GraphqlRequest } from "./plan/graphql-request.ts";
import { registerCompression } from "./server/compression.ts";
import { answerConnectionError } from "./server/connection-errors.ts";
import { registerConsole } from "./server/console-routes.ts";
import { registerCors } from "./server/cors.ts";
import { drainBody } from "./server/drain-body.ts";
import { createEdgeShares } from "./server/edge-shares.ts";
import { errorBody, toHasuraError } from "./server/error-answer.ts";
import { registerGraphqlRoute } from "./server/graphql-route.ts";
import { registerHealthRoutes } from "./server/health-routes.ts";
import { registerLargeBodies } from "./server/large-bodies.ts";
import { registerMetadataRoute } from "./server/metadata-route.ts";
import { sendNotFound } from "./server/not-found.ts";
import type { MetadataHolder, ServedEngine } from "./server/served-engine.ts";
import { registerSockets } from "./server/sockets/register-sockets.ts";
import type { SocketEngine } from "./server/sockets/socket-engine.ts";
import { type Authenticator, createAuthenticator } from "./session/authenticator.ts";
import type { EngineSettings } from "./settings.ts";

export type ServerOptions = {
  readonly settings: EngineSettings;
  /** Without it `/v1/metadata` does not exist. */
  readonly metadata?: MetadataHolder;
  /** Sockets open at the same time; default 1 000. */
  readonly socketsMax?: number;
  /** From a request's first byte to its last; default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Made from the settings when absent; closed with the server. */
  readonly authenticator?: Authenticator;
  /** Told of errors of the engine, not of refusals. */
  readonly onInternalError?: (error: unknown, requestId: string) => void;
};

const BODY_BYTES_MAX = 4 * 1024 * 1024;
const LARGE_BODIES = { bodyBytesMax: BODY_BYTES_MAX, bytesMax: 2 * BODY_BYTES_MAX, waitMs: 20_000 } as const;
const REQUEST_TIMEOUT_MS = 30_000;
const BODY_TOO_LARGE = "FST_ERR_CTP_BODY_TOO_LARGE";

/** The HTTP edge (docs/reference/hasura-semantics.md, "Endpoints"). Rejects when a configured JWKS stays unreachable. */
export async function buildServer(
  engine: ServedEngine<GraphqlRequest> & SocketEngine,
  options: ServerOptions,
): Promise<FastifyInstance> {
  const { settings } = options;
  const authenticator = options.authenticator ?? (await createAuthenticator(settings));
  const requestTimeout = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const server = fastify({
    bodyLimit: BODY_BYTES_MAX,
    genReqId: (request) => requestId(request.headers["x-request-id"]),
    forceCloseConnections: true,
    requestTimeout,
    http: {
      // Here as well: Node derives its bound for the headers from it, and keeps to the larger one.
      requestTimeout,
      connectionsCheckingInterval: requestTimeout / 4,
      // Clients that offer HTTP/2 beside their request are answered as if they had not.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    },
    clientErrorHandler: answerConnectionError,
    frameworkErrors: (_error, _request, reply) => sendNotFound(reply),
  });
  server.removeAllContentTypeParsers();
  // Every body is taken as text; the first name is what Fastify finds without looking further.
  for (const type of ["application/json", "*"])
    server.addContentTypeParser<Buffer>(type, { parseAs: "buffer" }, (_request, body, done) => {
      if (isUtf8(body)) done(null, body.toString());
      else done(new HasuraError("invalid-json", "the body is not UTF-8"));
    });
  server.addHook("onRequest", (request, reply, done) => {
    reply.headers({ "x-request-id": request.id, "x-content-type-options": "nosniff" });
    done();
  });
  server.addHook("onClose", async () => authenticator.close());
  server.setNotFoundHandler((_request, reply) => sendNotFound(reply));
  server.setErrorHandler(async (error: FastifyError | HasuraError, request, reply) => {
    if (error.code === BODY_TOO_LARGE) await drainBody(request.raw);
    return sendError(error, request, reply, options);
  });

  registerLargeBodies(server, LARGE_BODIES);
  registerMetrics(server, createMetrics("hasura-engine"));
  await registerCors(server, settings);
  await registerCompression(server);
  registerHealthRoutes(server, engine);
  if (settings.enabledApis.includes("graphql")) {
    const onFailure = (error: unknown, id: string): void => {
      if (toHasuraError(error).code === "unexpected") options.onInternalError?.(error, id);
    };
    const shares = createEdgeShares(settings);
    registerGraphqlRoute(server, { engine, authenticator, settings, shares, onFailure });
    const { socketsMax } = options;
    registerSockets(server, { engine, authenticator, settings, shares, onFailure, socketsMax });
  }
  if (settings.enabledApis.includes("metadata") && options.metadata !== undefined) {
    registerMetadataRoute(server, { engine, metadata: options.metadata, authenticator, settings });
  }
  if (settings.enableConsole) registerConsole(server);
  return server;
}

function requestId(given: string | string[] | undefined): string {
  return typeof given === "string" && given !== "" && given.length <= 200 ? given : randomUUID();
}

/** What fails outside a route's own handler: too long a body, a broken connection, an error of the engine. */
function sendError(
  error: FastifyError | HasuraError,
  request: FastifyRequest,
  reply: FastifyReply,
  options: ServerOptions,
): FastifyReply {
  const status = error instanceof HasuraError ? 400 : (error.statusCode ?? 500);
  const tooLong = error.code === BODY_TOO_LARGE;
  const message = tooLong ? `the body is longer than ${BODY_BYTES_MAX} bytes` : error.message;
  const refused = status < 500 && !(error instanceof HasuraError);
  const known = refused ? new HasuraError("bad-request", message) : toHasuraError(error);
  if (status >= 500) options.onInternalError?.(error, request.id);
  if (request.url.split("?")[0] === "/v1/graphql") {
    const body = errorBody(known, { admin: false, devMode: false, adminInternalErrors: false });
    return reply.code(200).type("application/json; charset=utf-8").send(body);
  }
  return reply.code(status).send({ path: known.path, error: known.message, code: known.code });
}
