import { createServer } from "node:http";

/** A small API on this machine that wants a key: what the demo connects to. */
export type LocalApi = { url: string; secret: string; close(): Promise<void> };

/** `GET /me` and `GET /orders/{id}`, both with `x-api-key`; anything else is 404, a wrong key 401. */
export async function startLocalApi(secret: string): Promise<LocalApi> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (request.headers["x-api-key"] !== secret) return answer(401, { error: "wrong key" });
    if (request.url === "/me") return answer(200, { account: "Ada" });
    const id = /^\/orders\/([^/?]+)$/.exec(request.url ?? "")?.[1];
    return id === undefined ? answer(404, { error: "no such path" }) : answer(200, { id, total: 42 });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    secret,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Lets the process that tests connections and the one that runs steps call the API, and nothing else on this machine. */
export function overridesFor({ url }: LocalApi): Record<string, Record<string, string>> {
  const allow = { EGRESS_ALLOW: new URL(url).host };
  return { "auth-actions": allow, runner: allow };
}
