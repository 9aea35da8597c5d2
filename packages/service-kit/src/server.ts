import { randomUUID } from "node:crypto";
import { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, fastify, LogController } from "fastify";
import { endConnections } from "./end-connections.ts";
import { AppError, errorBody } from "./errors.ts";
import { answerBadAddress, answerBadHttp } from "./framework-errors.ts";
import { type ReadinessChecks, registerHealth } from "./health.ts";
import { discardRest, readJsonBodies } from "./json-bodies.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { registerMetrics } from "./register-metrics.ts";
import { enterRequest } from "./trace.ts";

export type CreateServerOptions = {
  service: string;
  log: Logger;
  metrics: Metrics;
  ready: ReadinessChecks;
  /** Addresses or CIDRs whose X-Forwarded-For is believed; empty: none. */
  trustedProxies?: readonly string[];
  bodyLimitBytes?: number;
};

const BODY_BYTES_MAX = 1_048_576;

/**
 * What every service's HTTP server has: request ids, trace context, one error body, health, metrics, and answers that no
 * browser interprets. Routes are added by the service.
 */
export async function createServer(options: CreateServerOptions): Promise<FastifyInstance> {
  const log: FastifyBaseLogger = options.log;
  const trusted = options.trustedProxies ?? [];
  const server: FastifyInstance = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // Every line names its request already; a logger for each would say so twice.
    childLoggerFactory: (logger) => logger,
    bodyLimit: options.bodyLimitBytes ?? BODY_BYTES_MAX,
    trustProxy: trusted.length === 0 ? false : [...trusted],
    genReqId: ({ headers }) => requestIdFrom(headers["x-request-id"]),
    requestIdHeader: false,
    frameworkErrors: answerBadAddress,
    clientErrorHandler: (error, socket) => answerBadHttp(error, socket, randomUUID()),
    // What arrives on an open connection is still answered: what it needs is closed after the server.
    return503OnClosing: false,
    forceCloseConnections: "idle",
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 200 },
  });
  const { isClosing } = endConnections(server);
  addContext(server);
  readJsonBodies(server);
  registerMetrics(server, options.metrics);
  answerErrors(server, options.log);
  registerHealth(server, { log: options.log, ready: options.ready, isClosing });
  return server;
}

/** A client's id is kept when it is harmless in a log; else one is made. */
function requestIdFrom(given: string | readonly string[] | undefined): string {
  return typeof given === "string" && /^[A-Za-z0-9_.:-]{1,128}$/.test(given) ? given : randomUUID();
}

function addContext(server: FastifyInstance): void {
  server.addHook("onRequest", (request, reply, done) => {
    const given = request.headers.traceparent;
    enterRequest(typeof given === "string" ? given : undefined, request.id);
    reply.header("x-request-id", request.id);
    reply.header("x-content-type-options", "nosniff");
    done();
  });
}

function answerErrors(server: FastifyInstance, log: Logger): void {
  server.setErrorHandler(async (error, request, reply) => {
    const { status, body, retryAfterSeconds } = errorBody(error, request.id);
    if (status >= 500) log.error({ err: error, route: request.routeOptions.url }, "request failed");
    if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
    if (status === 413) {
      reply.removeHeader("connection");
      discardRest(request.raw);
    }
    return reply.status(status).send(body);
  });
  server.setNotFoundHandler(async (request: FastifyRequest) => {
    throw new AppError("NOT_FOUND", `there is no ${request.method} here`);
  });
}
