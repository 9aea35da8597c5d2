import { readFileSync } from "node:fs";
import { createServer, currentRequestId, errorBody, requireSecret } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { makeExecutableSchema } from "@graphql-tools/schema";
import type { FastifyInstance } from "fastify";
import type { GraphQLError } from "graphql";
import { createGraphQLError, createYoga } from "graphql-yoga";
import { readCaller } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { perRequest } from "./domain/breaker.ts";
import { createRequestBudget } from "./domain/request-budget.ts";
import { createTurns } from "./domain/turns.ts";
import { logLine } from "./resolvers/log-line.ts";
import type { RequestContext } from "./resolvers/page-resolver.ts";
import { getRunLogs } from "./resolvers/run-logs.ts";
import { getStepLogs } from "./resolvers/step-logs.ts";

export type ServerOptions = { secrets: readonly string[]; trustedProxies: string[] };

const schema = makeExecutableSchema<RequestContext>({
  typeDefs: readFileSync(new URL("../schema.graphql", import.meta.url), "utf8"),
  resolvers: { Query: { getRunLogs, getStepLogs }, LogLine: logLine },
});

/** POST /graphql for Hasura alone: the secret header comes before everything else. */
export async function buildServer(deps: Deps, options: ServerOptions): Promise<FastifyInstance> {
  const turns = createTurns();
  const postgresql = async (): Promise<void> => void (await deps.pool.query("select 1"));
  const mongodb = async (): Promise<void> => void (await deps.mongo.db().command({ ping: 1 }));
  const server = await createServer({
    service: "logs-schema",
    log: deps.log,
    metrics: deps.metrics,
    trustedProxies: options.trustedProxies,
    ready: { postgresql, mongodb },
  });
  const closing = new AbortController();
  server.addHook("preClose", async () => closing.abort());
  const yoga = createYoga<RequestContext>({
    schema,
    graphqlEndpoint: "/graphql",
    landingPage: false,
    graphiql: false,
    logging: false,
    batching: false,
    maskedErrors: { maskError },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => done(null, body));
  server.route({
    method: "POST",
    url: "/graphql",
    onRequest: requireSecret("x-logs-schema-secret", options.secrets),
    handler: async (request, reply) => {
      const header = (name: string): string | undefined => {
        const value = request.headers[name];
        return typeof value === "string" ? value : undefined;
      };
      const context: RequestContext = {
        db: deps.db,
        logs: deps.logs,
        log: deps.log,
        breaker: perRequest(deps.breaker),
        turns,
        askStores: () => Promise.all([postgresql(), mongodb()]),
        closing: closing.signal,
        caller: () => readCaller(header),
        budget: createRequestBudget(),
        accesses: new Map(),
      };
      const response = await yoga.fetch(
        "http://logs-schema/graphql",
        {
          method: "POST",
          headers: { "content-type": "application/json", accept: "application/json" },
          body: String(request.body ?? ""),
        },
        context,
      );
      return reply
        .status(response.status)
        .header("content-type", "application/json; charset=utf-8")
        .send(await response.text());
    },
  });
  return server;

  /** Refusals keep their code; GraphQL's own complaints about a request keep their text; everything else says nothing. */
  function maskError(error: unknown): Error {
    const cause = causeOf(error);
    if (isComplaint(error, cause)) {
      const requestId = currentRequestId();
      return createGraphQLError(error.message, { extensions: { ...error.extensions, code: "BAD_INPUT", requestId } });
    }
    if (!(cause instanceof AppError)) deps.log.error({ err: cause }, "resolver failed");
    const { body } = errorBody(cause, currentRequestId() ?? "");
    return createGraphQLError(body.message, { extensions: body.extensions });
  }
}

/** What was thrown, out of the errors that GraphQL wraps around it. */
function causeOf(error: unknown): unknown {
  const isWrapped = error instanceof Error && "originalError" in error && error.originalError !== undefined;
  return isWrapped ? causeOf(error.originalError) : error;
}

/** What a field threw has the field's path; a complaint about body, document or variables has none. */
function isComplaint(error: unknown, cause: unknown): error is GraphQLError {
  return (
    error instanceof Error &&
    cause instanceof Error &&
    cause.name === "GraphQLError" &&
    !("path" in error && error.path !== undefined)
  );
}
