import { HasuraError, PassedThroughError } from "../hasura-error.ts";
import { isJsonList, isJsonObject, type Json, type JsonObject, parseJson, toPlain } from "../json/exact-json.ts";
import type { RemoteSchema } from "../model/model.ts";
import { forwardableHeaders } from "../outbound/client-headers.ts";
import { type OutboundAnswer, postJson } from "../outbound/post-json.ts";
import { USER_AGENT } from "../outbound/user-agent.ts";
import type { RequestContext } from "../session/session.ts";
import { type PrintedOperation, withoutFillers } from "./print-operation.ts";

/** Posts an operation and reads `data`. Any `errors` fail the client's request as they are. */
export async function callRemote(
  remote: RemoteSchema,
  operation: PrintedOperation,
  context: RequestContext,
): Promise<JsonObject> {
  const { status, text } = await post(remote, operation, context);
  const body = parse(remote, text);
  const errors = isJsonObject(body) ? body.get("errors") : undefined;
  // Some servers answer a request that fails as a whole with a status of its own.
  if (isJsonList(errors) && errors.length > 0) throw new PassedThroughError(errors.map(toPlain));
  if (status !== 200) throw remoteSchemaError(remote, `status ${status}`);
  const data = isJsonObject(body) ? body.get("data") : undefined;
  if (!isJsonObject(data)) throw remoteSchemaError(remote, "an answer without data");
  return withoutFillers(operation, data);
}

async function post(
  remote: RemoteSchema,
  { query, variablesText }: PrintedOperation,
  context: RequestContext,
): Promise<OutboundAnswer> {
  const forwarded = remote.forwardClientHeaders ? forwardableHeaders(context.clientHeaders) : [];
  const variables = [...context.session.variables].map(([name, value]) => ({ name, value }));
  try {
    return await postJson({
      url: remote.url,
      headers: [
        { name: "User-Agent", value: USER_AGENT },
        { name: "X-Request-Id", value: context.requestId },
        ...forwarded,
        ...variables,
        ...remote.headers,
        { name: "Content-Type", value: "application/json" },
      ],
      body: `{"query":${JSON.stringify(query)},"variables":${variablesText},"operationName":null}`,
      timeoutSeconds: remote.timeoutSeconds,
      signal: context.caller?.signal(),
    });
  } catch (error) {
    throw remoteSchemaError(remote, error instanceof Error ? error.message : String(error), error);
  }
}

function parse(remote: RemoteSchema, text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    throw remoteSchemaError(remote, "an answer that is not JSON", error);
  }
}

/** The address stays out of the message: clients need not know it. */
function remoteSchemaError(remote: RemoteSchema, reason: string, cause?: unknown): HasuraError {
  const message = `HTTP exception occurred while sending the request to the remote schema "${remote.name}"`;
  return new HasuraError("remote-schema-error", message, "$", {
    cause,
    internal: { url: remote.writtenUrl, error: reason },
  });
}
