import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isObject } from "./exact-json.ts";

export type HelperServer = { url: string; close(): Promise<void> };

/** A bare HTTP server on a free port of 127.0.0.1; a failing handler answers 500 with the reason. */
export async function startHelperServer(
  handle: (request: IncomingMessage, body: string, response: ServerResponse) => Promise<void>,
): Promise<HelperServer> {
  const server = createServer((request, response) => {
    readBody(request)
      .then((body) => handle(request, body, response))
      .catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
        response.end(String(error));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (!isObject(address)) throw new Error("the helper server has no address");
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
