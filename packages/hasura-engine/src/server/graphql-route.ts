import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PassedThroughErrors } from "../hasura-error.ts";
import { ANSWER_BYTES_MAX, answerTooLarge } from "../run/bounded-socket.ts";
import type { Authenticator } from "../session/authenticator.ts";
import type { RequestContext } from "../session/session.ts";
import type { EngineSettings } from "../settings.ts";
import { errorBody, type InternalView } from "./error-answer.ts";
import { bodyText, clientGone, headerMap, isGone } from "./request-facts.ts";
import type { ServedEngine } from "./served-engine.ts";

export type GraphqlRouteOptions = {
  readonly engine: ServedEngine;
  readonly authenticator: Authenticator;
  readonly settings: Pick<EngineSettings, "devMode" | "adminInternalErrors">;
  readonly onFailure: (error: unknown, requestId: string) => void;
};

const JSON_TYPE = "application/json; charset=utf-8";

/** `POST /v1/graphql`: one request or a batch; always 200 (B.1). */
export function registerGraphqlRoute(server: FastifyInstance, options: GraphqlRouteOptions): void {
  server.post("/v1/graphql", async (request, reply) => {
    const text = await answerText(request, reply, options);
    return reply.code(200).type(JSON_TYPE).send(text);
  });
}

async function answerText(request: FastifyRequest, reply: FastifyReply, options: GraphqlRouteOptions): Promise<string> {
  const nobody: InternalView = { admin: false, ...options.settings };
  try {
    const clientHeaders = headerMap(request.headers);
    const session = await options.authenticator.authenticate(clientHeaders);
    const view = { ...nobody, admin: session.admin };
    let signal: AbortSignal | undefined;
    const context: RequestContext = {
      session,
      clientHeaders,
      requestId: request.id,
      // Made for those who call out; a table query has no use for it.
      get signal() {
        signal ??= clientGone(reply);
        return signal;
      },
    };
    return await answerBody(bodyText(request), context, view, reply, options);
  } catch (error) {
    options.onFailure(error, request.id);
    return errorBody(error, nobody);
  }
}

async function answerBody(
  text: string,
  context: RequestContext,
  view: InternalView,
  reply: FastifyReply,
  options: GraphqlRouteOptions,
): Promise<string> {
  try {
    const { requests, batch } = options.engine.parseRequestBody(text);
    const answers: string[] = [];
    let size = 0;
    for (const one of requests) {
      // Some are answered without waiting for anything: others get their turn between them.
      if (batch) await nextTurn();
      if (size > ANSWER_BYTES_MAX) throw answerTooLarge(ANSWER_BYTES_MAX);
      // Nobody reads the answers of what is not begun yet.
      if (isGone(reply)) break;
      const answer = await answerOne(one, context, view, reply, options);
      size += answer.length;
      answers.push(answer);
    }
    return batch ? `[${answers.join(",")}]` : (answers[0] ?? "");
  } catch (error) {
    options.onFailure(error, context.requestId);
    return errorBody(error, view);
  }
}

async function answerOne(
  request: unknown,
  context: RequestContext,
  view: InternalView,
  reply: FastifyReply,
  options: GraphqlRouteOptions,
): Promise<string> {
  try {
    const { dataText, setCookie } = await options.engine.execute(request, context);
    passCookies(reply, setCookie);
    return `{"data":${dataText}}`;
  } catch (error) {
    options.onFailure(error, context.requestId);
    if (error instanceof PassedThroughErrors) passCookies(reply, error.setCookie);
    return errorBody(error, view);
  }
}

/** Fastify keeps every `set-cookie` beside earlier ones. */
function passCookies(reply: FastifyReply, cookies: readonly string[]): void {
  for (const cookie of cookies) reply.header("set-cookie", cookie);
}
