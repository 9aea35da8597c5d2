import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HasuraError, PassedThroughError } from "../hasura-error.ts";
import { createSpent } from "../plan/document-budget.ts";
import { ANSWER_BYTES_MAX, AnswerTooLargeError } from "../run/bounded-socket.ts";
import type { Authenticator } from "../session/authenticator.ts";
import { type Holder, holderOf } from "../session/holder.ts";
import type { RequestContext } from "../session/session.ts";
import type { EngineSettings } from "../settings.ts";
import type { Leave } from "../shares/fair-gate.ts";
import type { EdgeShares } from "./edge-shares.ts";
import { errorBody, type InternalView } from "./error-answer.ts";
import { bodyText, callerOf, headerMap, isGone, untilAnswered } from "./request-facts.ts";
import type { ServedEngine } from "./served-engine.ts";

export type GraphqlRouteOptions = {
  readonly engine: ServedEngine;
  readonly authenticator: Authenticator;
  readonly settings: Pick<EngineSettings, "devMode" | "adminInternalErrors">;
  readonly shares: EdgeShares;
  readonly onFailure: (error: unknown, requestId: string) => void;
};

/** What the kernel takes in at once, whether the client reads or not. */
const SMALL_LENGTH = 16 * 1024;
const JSON_TYPE = "application/json; charset=utf-8";

/** `POST /v1/graphql`: one request or a batch; always 200, as Hasura answers. */
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
    const holder = holderOf(session, request.ip, options.shares.rules);
    let leave: Leave | undefined;
    const caller = callerOf(reply, () => leave?.());
    const turn = options.shares.requests.enter(holder, caller);
    leave = turn instanceof Promise ? await turn : turn;
    if (caller.isGone()) leave();
    const context: RequestContext = {
      session,
      clientHeaders,
      requestId: request.id,
      holder,
      spent: createSpent(),
      caller,
    };
    const text = await answerBody(bodyText(request), context, view, reply, options);
    return text.length > SMALL_LENGTH ? holdLarge(text, holder, reply, options) : text;
  } catch (error) {
    options.onFailure(error, request.id);
    return errorBody(error, nobody);
  }
}

/** The answer, or a refusal where the client or others of its holder leave too much untaken. */
function holdLarge(text: string, holder: Holder, reply: FastifyReply, options: GraphqlRouteOptions): string {
  const { unsent, answerTakenWithinMs } = options.shares;
  const exceeded = unsent.hold(holder, text.length);
  if (exceeded !== undefined) {
    const whose = exceeded.of === "one" ? "of one tenant or user" : "of all clients";
    const message = `the answers ${whose} that are not taken yet are larger than ${exceeded.bytesMax} bytes`;
    return errorBody(new HasuraError("bad-request", message), { admin: false, ...options.settings });
  }
  const timer = setTimeout(() => reply.raw.destroy(), answerTakenWithinMs);
  untilAnswered(reply, () => {
    clearTimeout(timer);
    unsent.release(holder, text.length);
  });
  return text;
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
      if (size > ANSWER_BYTES_MAX) throw new AnswerTooLargeError(ANSWER_BYTES_MAX);
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
    if (error instanceof PassedThroughError) passCookies(reply, error.setCookie);
    return errorBody(error, view);
  }
}

/** Fastify keeps every `set-cookie` beside earlier ones. */
function passCookies(reply: FastifyReply, cookies: readonly string[]): void {
  for (const cookie of cookies) reply.header("set-cookie", cookie);
}
