import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { connect } from "node:http2";
import { request } from "node:https";
import type { ReverseProxy } from "@control-plane/local-stack";
import { z } from "zod";

export type Reply = { status: number; headers: IncomingHttpHeaders; body: Buffer };
export type Sent = {
  method?: string;
  headers?: OutgoingHttpHeaders;
  /** One text is sent with its length; pieces are sent in chunks, without one. */
  body?: string | Buffer | readonly (string | Buffer)[];
  /** Where the client sits: all of 127.0.0.0/8 is this machine. */
  from?: string;
  /** Leaves the body open. */
  unfinished?: boolean;
};

/** A request over TLS, on a connection of its own, with its path as it is written here. */
export function send(proxy: ReverseProxy, path: string, sent: Sent = {}): Promise<Reply> {
  const { method = "POST", headers = {}, body = "", from = "127.0.0.1" } = sent;
  const { host, port } = new URL(proxy.url);
  const [pieces, length] =
    typeof body === "string" || Buffer.isBuffer(body)
      ? [[body], { "content-length": Buffer.byteLength(body) }]
      : [body, { "transfer-encoding": "chunked" }];
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: "127.0.0.1",
      servername: "localhost",
      port,
      path,
      method,
      ca: proxy.ca,
      agent: false,
      localAddress: from,
      headers: { host, ...length, ...headers },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        outgoing.destroy();
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) });
      });
    });
    for (const piece of pieces) outgoing.write(piece);
    if (sent.unfinished !== true) outgoing.end();
  });
}

/** As a browser comes: HTTP/2. */
export async function sendOverHttp2(
  proxy: ReverseProxy,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<number> {
  const session = connect(proxy.url, { ca: proxy.ca });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({ ":method": "POST", ":path": path, ...headers });
      stream.on("response", (answer) => resolve(Number(answer[":status"])));
      stream.on("error", reject);
      stream.end(body);
    });
  } finally {
    session.destroy();
  }
}

const refusalSchema = z.strictObject({
  message: z.string(),
  extensions: z.strictObject({ code: z.string(), requestId: z.string().min(1) }),
});

/** Status and code of a refusal in the form in which every service refuses. */
export function refusalOf({ status, headers, body }: Reply): string {
  const { extensions } = refusalSchema.parse(JSON.parse(body.toString()));
  if (headers["x-request-id"] !== extensions.requestId) throw new Error("header and body name two request ids");
  if (headers["content-type"] !== "application/json; charset=utf-8") throw new Error("the refusal is not JSON");
  return `${status} ${extensions.code}`;
}
