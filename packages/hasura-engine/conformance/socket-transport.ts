import { once } from "node:events";
import { WebSocket } from "ws";
import { isJsonObject, type Json, parseJson, printJson } from "./exact-json.ts";

/** The first message of an operation over graphql-transport-ws, as an answer body. Spoken by hand to keep all digits. */
export async function callOverSocket(
  url: string,
  headers: Readonly<Record<string, string>>,
  request: { readonly [key: string]: Json },
): Promise<Json> {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/graphql`, "graphql-transport-ws");
  const messages = readMessages(socket);
  try {
    await once(socket, "open", { signal: AbortSignal.timeout(5_000) });
    socket.send(printJson({ type: "connection_init", payload: { headers } }));
    await messages.next("connection_ack");
    socket.send(printJson({ id: "1", type: "subscribe", payload: request }));
    const message = await messages.next("next", "error");
    return message.type === "error" ? { errors: message.payload ?? null } : (message.payload ?? null);
  } finally {
    socket.terminate();
  }
}

type Message = { readonly [key: string]: Json };

/** `next` waits at most 20 s for a message of one of the types; others (pings) are passed over. */
function readMessages(socket: WebSocket): { next(...types: readonly string[]): Promise<Message> } {
  const waiting: Message[] = [];
  let wake: () => void = () => {};
  let closed: string | undefined;
  socket.on("message", (data) => {
    const message = parseJson(String(data));
    if (isJsonObject(message)) waiting.push(message);
    wake();
  });
  socket.on("close", (code, reason) => {
    closed = `closed ${code} ${reason}`;
    wake();
  });
  socket.on("error", (error) => {
    closed = error.message;
    wake();
  });
  return {
    async next(...types) {
      const deadline = Date.now() + 20_000;
      for (;;) {
        const message = waiting.shift();
        if (message !== undefined) {
          if (typeof message.type === "string" && types.includes(message.type)) return message;
          continue;
        }
        if (closed !== undefined) throw new Error(closed);
        if (Date.now() > deadline) throw new Error(`no message of type ${types.join(" or ")} within 20 s`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 1_000);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
  };
}

/** The case's query as a live query over all its root fields; undefined where the document is no plain query. */
export function asSubscription(request: Json): { readonly [key: string]: Json } | undefined {
  if (!isJsonObject(request) || typeof request.query !== "string") return undefined;
  const match = /^\s*query\b([^{]*)\{/.exec(request.query);
  if (match === null) return undefined;
  const rest = request.query.slice(match[0].length);
  return { ...request, query: `subscription ${match[1] ?? ""} @_multiple_top_level_fields {${rest}` };
}
