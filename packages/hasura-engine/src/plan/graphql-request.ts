import { HasuraError } from "../hasura-error.ts";
import { isJsonList, isJsonObject, type Json, parseJson } from "../json/exact-json.ts";

/** One request of a body, numbers digit by digit. */
export type GraphqlRequest = {
  readonly query: string;
  readonly variables: ReadonlyMap<string, Json>;
  readonly operationName: string | undefined;
};

const BATCH_MAX = 50;
/** Lists and objects of a body, variables included. */
export const BODY_CONTAINERS_MAX = 250_000;

/** A body's request or batch of requests. Throws `invalid-json` and Hasura's other complaints about a body. */
export function parseRequestBody(text: string): {
  readonly requests: readonly GraphqlRequest[];
  readonly batch: boolean;
} {
  const body = readJson(text);
  if (!isJsonList(body)) return { requests: [readRequest(body)], batch: false };
  if (body.length > BATCH_MAX) throw new HasuraError("bad-request", `a batch holds at most ${BATCH_MAX} requests`);
  return { requests: body.map(readRequest), batch: true };
}

function readJson(text: string): Json {
  try {
    return parseJson(text, BODY_CONTAINERS_MAX);
  } catch (error) {
    if (error instanceof RangeError)
      throw new HasuraError("bad-request", `a body holds at most ${BODY_CONTAINERS_MAX} lists and objects`);
    throw new HasuraError("invalid-json", `Error in $: ${error instanceof Error ? error.message : "not JSON"}`);
  }
}

/** Also for the payload of a socket's `subscribe`. */
export function readRequest(body: Json): GraphqlRequest {
  if (!isJsonObject(body))
    throw new HasuraError(
      "parse-failed",
      "parsing Hasura.GraphQL.Transport.HTTP.Protocol.GQLReq failed, expected Object",
    );
  const query = body.get("query");
  if (isPersistedQuery(body.get("extensions"))) throw new HasuraError("not-supported", "PersistedQueryNotSupported");
  if (typeof query !== "string")
    throw new HasuraError("parse-failed", "the key 'query' was not present, or is no text", "$.query");
  const variables = body.get("variables") ?? null;
  if (variables !== null && !isJsonObject(variables))
    throw new HasuraError("parse-failed", "parsing HashMap failed, expected Object", "$.variables");
  const operationName = body.get("operationName") ?? null;
  if (operationName !== null && typeof operationName !== "string")
    throw new HasuraError("parse-failed", "parsing Text failed, expected String", "$.operationName");
  return { query, variables: variables === null ? new Map() : variables, operationName: operationName ?? undefined };
}

function isPersistedQuery(extensions: Json | undefined): boolean {
  return extensions !== undefined && isJsonObject(extensions) && (extensions.get("persistedQuery") ?? null) !== null;
}
