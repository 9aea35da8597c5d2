import { readFileSync } from "node:fs";
import { createServer, errorBody, secretMatches } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { makeExecutableSchema } from "@graphql-tools/schema";
import type { FastifyInstance } from "fastify";
import { GraphQLError } from "graphql";
import { createYoga } from "graphql-yoga";
import { readCaller } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { createRequestBudget } from "./domain/request-budget.ts";
import { logFields, logLine } from "./resolvers/log-line.ts";
import type { RequestContext } from "./resolvers/page-resolver.ts";
import { getRunLogs } from "./resolvers/run-logs.ts";
import { getStepLogs } from "./resolvers/step-logs.ts";

export type ServerOptions = { secrets: readonly string[]; trustedProxies: string[] };

const schema = makeExecutableSchema<RequestContext>({
  typeDefs: readFileSync(new URL("../schema.graphql", import.meta.url), "utf8"),
  resolvers: { Query: { getRunLogs, getStepLogs }, LogLine: logLine, LogFields: logFields },
});

/** POST /graphql for Hasura alone: the secret header comes before everything else. */
export async function buildServer(deps: Deps, options: ServerOptions): Promise<FastifyInstance> {
  const server = await createServer({
    service: "logs-schema",
    log: deps.log,
    metrics: deps.metrics,
    trustedProxies: options.trustedProxies,
    ready: {
      postgresql: async () => {
        await deps.pool.query("select 1");
      },
      mongodb: async () => {
        await deps.mongo.db().command({ ping: 1 });
      },
    },
  });
  const yoga = createYoga<RequestContext>({
    schema,
    graphqlEndpoint: "/graphql",
    landingPage: false,
    graphiql: false,
    logging: false,
    batching: false,
    maskedErrors: { maskError },
  });
  server.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => done(null, body));
  server.route({
    method: "POST",
    url: "/graphql",
    onRequest: async (request) => {
      const presented = request.headers["x-logs-schema-secret"];
      if (!secretMatches(typeof presented === "string" ? presented : undefined, options.secrets)) {
        throw new AppError("UNAUTHENTICATED", "the secret header is missing or wrong");
      }
    },
    handler: async (request, reply) => {
      const header = (name: string): string | undefined => {
        const value = request.headers[name];
        return typeof value === "string" ? value : undefined;
      };
      const context: RequestContext = {
        deps,
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

  /** Refusals keep their code; GraphQL's own complaints about the document keep their text; everything else says nothing. */
  function maskError(error: unknown): Error {
    const original = error instanceof GraphQLError ? (error.originalError ?? undefined) : error;
    if (error instanceof GraphQLError && original === undefined) return error;
    const { body } = errorBody(original, "");
    if (!(original instanceof AppError)) deps.log.error({ err: original }, "resolver failed");
    return new GraphQLError(body.message, { extensions: { code: body.extensions.code } });
  }
}
