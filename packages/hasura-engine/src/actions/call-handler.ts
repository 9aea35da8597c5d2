import { HasuraError, PassedThroughError } from "../hasura-error.ts";
import { isJsonObject, type Json, parseJson, printJson, toPlain } from "../json/exact-json.ts";
import { type OutboundAnswer, postJson } from "../outbound/post-json.ts";
import { type ActionRequest, requestInternal } from "./action-request.ts";

/** A 2xx answer; not yet checked against the output type. */
export type HandlerAnswer = { readonly value: Json; readonly setCookie: readonly string[]; readonly internal: unknown };

export type HandlerLimits = { readonly timeoutSeconds: number; readonly signal: AbortSignal | undefined };

/** Calls the handler. 4xx answers become the client's errors; all else that is not 2xx is `unexpected`. */
export async function callHandler(request: ActionRequest, limits: HandlerLimits): Promise<HandlerAnswer> {
  const answer = await post(request, limits);
  const value = parse(request, answer);
  const setCookie = answer.headers
    .filter(({ name }) => name.toLowerCase() === "set-cookie")
    .map((header) => header.value);
  const internal = internalOf(request, answer, "unexpected response");
  if (answer.status >= 200 && answer.status < 300) return { value, setCookie, internal };
  if (answer.status >= 400 && answer.status < 500) throw clientError(value, setCookie, internal);
  const reason = `expecting 2xx or 4xx status code, but found ${answer.status}`;
  throw new HasuraError("unexpected", "internal error", "$", {
    internal: internalOf(request, answer, reason),
  });
}

async function post(request: ActionRequest, limits: HandlerLimits): Promise<OutboundAnswer> {
  try {
    return await postJson({ ...request, ...limits, body: printJson(request.body) });
  } catch (error) {
    const reason = { type: "http_exception", message: error instanceof Error ? error.message : String(error) };
    const internal = { error: reason, request: requestInternal(request), response: null };
    throw new HasuraError("unexpected", "http exception when calling webhook", "$", { cause: error, internal });
  }
}

function parse(request: ActionRequest, answer: OutboundAnswer): Json {
  try {
    return parseJson(answer.text);
  } catch (error) {
    const internal = internalOf(request, answer, "invalid json");
    throw new HasuraError("unexpected", "not a valid json response from webhook", "$", { cause: error, internal });
  }
}

/** `extensions` go out exactly as given; without them a path and a code are made. */
function clientError(value: Json, setCookie: readonly string[], internal: unknown): Error {
  const body = isJsonObject(value) ? value : new Map<string, Json>();
  const message = body.get("message");
  if (typeof message !== "string") {
    return new HasuraError("parse-failed", 'key "message" of type String not found in the webhook response', "$", {
      internal,
    });
  }
  const extensions = body.get("extensions") ?? null;
  const code = body.get("code") ?? null;
  const shown =
    extensions === null ? { path: "$", code: typeof code === "string" ? code : "unexpected" } : toPlain(extensions);
  return new PassedThroughError([{ message, extensions: shown }], setCookie);
}

/** What the handler said may hold secrets as well: a session's token, for one. */
function internalOf(request: ActionRequest, answer: OutboundAnswer, error: string) {
  const headers = answer.headers.map(({ name }) => ({ name }));
  return { error, request: requestInternal(request), response: { status: answer.status, headers } };
}
