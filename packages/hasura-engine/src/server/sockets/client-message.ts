import { isJsonObject, type Json, parseJson } from "../../json/exact-json.ts";
import { BODY_CONTAINERS_MAX } from "../../plan/graphql-request.ts";

/** What a client may say (subprotocol graphql-transport-ws). */
export type ClientMessage =
  | { readonly type: "connection_init"; readonly headers: ReadonlyMap<string, string> }
  | { readonly type: "ping"; readonly payload: Json | undefined }
  | { readonly type: "pong" }
  /** `payload` is an object with a text `query`; the rest of it is for `readRequest`. */
  | { readonly type: "subscribe"; readonly id: string; readonly payload: Json }
  | { readonly type: "complete"; readonly id: string };

/** Undefined for anything that is not a message of the protocol. */
export function readClientMessage(text: string): ClientMessage | undefined {
  const message = parsed(text);
  if (!isJsonObject(message)) return undefined;
  const payload = message.get("payload");
  const id = message.get("id");
  switch (message.get("type")) {
    case "connection_init": {
      const headers = readHeaders(payload);
      return headers === undefined ? undefined : { type: "connection_init", headers };
    }
    case "ping":
      return isOptionalObject(payload) ? { type: "ping", payload } : undefined;
    case "pong":
      return isOptionalObject(payload) ? { type: "pong" } : undefined;
    case "subscribe":
      if (!isId(id) || !isJsonObject(payload) || typeof payload.get("query") !== "string") return undefined;
      return { type: "subscribe", id, payload };
    case "complete":
      return isId(id) ? { type: "complete", id } : undefined;
    default:
      return undefined;
  }
}

function parsed(text: string): Json {
  try {
    return parseJson(text, BODY_CONTAINERS_MAX);
  } catch {
    return null;
  }
}

function isId(id: Json | undefined): id is string {
  return typeof id === "string" && id !== "";
}

function isOptionalObject(payload: Json | undefined): boolean {
  return payload === undefined || payload === null || isJsonObject(payload);
}

/** As Node's bound for the headers of a request. */
const HEADERS_LENGTH_MAX = 16 * 1024;

/** `payload.headers`, names in lower case; absent means none. */
function readHeaders(payload: Json | undefined): ReadonlyMap<string, string> | undefined {
  if (payload === undefined || payload === null) return new Map();
  if (!isJsonObject(payload)) return undefined;
  const headers = payload.get("headers") ?? null;
  if (headers === null) return new Map();
  if (!isJsonObject(headers)) return undefined;
  const read = new Map<string, string>();
  let length = 0;
  for (const [name, value] of headers) {
    if (typeof value !== "string") return undefined;
    length += name.length + value.length;
    if (length > HEADERS_LENGTH_MAX) return undefined;
    read.set(name.toLowerCase(), value);
  }
  return read;
}
