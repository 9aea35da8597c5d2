import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type RecordedRequest = {
  method: string;
  /** Path and query, as sent. */
  path: string;
  /** Lower-case names; a repeated header's values are joined with ", ". */
  headers: Readonly<Record<string, string>>;
  body: string;
};

export type DoubleAnswer = {
  /** Default 200. */
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** Text as it is; anything else as JSON. */
  body?: unknown;
};

/** "hang" never answers; "drop" closes the connection without an answer. */
export type DoubleBehaviour = DoubleAnswer | "hang" | "drop";

export type HttpDouble = {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  /** How to answer from here on; the default is 200 with an empty body. */
  answer(behaviour: DoubleBehaviour | ((request: RecordedRequest) => DoubleBehaviour | Promise<DoubleBehaviour>)): void;
};

/** A stand-in for the outside world: a real server that records what it is asked. */
export async function openHttpDouble(): Promise<HttpDouble & { close(): Promise<void> }> {
  const requests: RecordedRequest[] = [];
  let decide: (request: RecordedRequest) => DoubleBehaviour | Promise<DoubleBehaviour> = () => ({});
  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await record(incoming);
    requests.push(request);
    const behaviour = await decide(request);
    if (behaviour === "hang") return;
    if (behaviour === "drop") {
      incoming.socket.destroy();
      return;
    }
    write(response, behaviour);
  };
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    requests,
    answer(behaviour) {
      decide = typeof behaviour === "function" ? behaviour : () => behaviour;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function record(incoming: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headersDistinct)) headers[name] = (value ?? []).join(", ");
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers,
    body: Buffer.concat(chunks).toString("utf8"),
  };
}

function write(response: ServerResponse, answer: DoubleAnswer): void {
  const text = typeof answer.body === "string" || answer.body === undefined;
  response.writeHead(answer.status ?? 200, {
    ...(text ? {} : { "content-type": "application/json" }),
    ...answer.headers,
  });
  response.end(text ? answer.body : JSON.stringify(answer.body));
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address.port;
}
