import type { Json } from "../json/exact-json.ts";
import type { HeaderSetting } from "../model/model.ts";
import { forwardableHeaders } from "../outbound/client-headers.ts";
import { USER_AGENT } from "../outbound/user-agent.ts";
import type { ActionCall } from "../plan/plan.ts";
import type { RequestContext } from "../session/session.ts";

/** What a handler is sent. */
export type ActionRequest = {
  readonly url: string;
  readonly writtenUrl: string;
  readonly headers: readonly HeaderSetting[];
  readonly body: Json;
};

export function actionRequest(call: ActionCall, context: RequestContext, configuredFirst: boolean): ActionRequest {
  const { action } = call;
  const body = new Map<string, Json>([
    ["action", new Map([["name", action.name]])],
    ["input", call.input],
    ["session_variables", new Map(context.session.variables)],
    ["request_query", call.requestQuery],
  ]);
  const forwarded = action.forwardClientHeaders
    ? forwardableHeaders(context.clientHeaders, action.ignoredClientHeaders)
    : [];
  const chosen = configuredFirst ? [...forwarded, ...action.headers] : [...action.headers, ...forwarded];
  const headers = [
    { name: "X-Request-Id", value: context.requestId },
    ...chosen,
    { name: "Content-Type", value: "application/json" },
    { name: "User-Agent", value: USER_AGENT },
  ];
  return { url: action.url, writtenUrl: action.writtenUrl, headers, body };
}

/** As `extensions.internal.request` shows it. Header values, the body and what fills the address may hold secrets. */
export function requestInternal({ writtenUrl, headers }: ActionRequest) {
  return { url: writtenUrl, headers: headers.map(({ name }) => ({ name })), transformed_request: null };
}
