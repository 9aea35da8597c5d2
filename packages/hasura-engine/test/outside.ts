import { createServer, type IncomingHttpHeaders } from "node:http";
import { type GraphQLSchema, graphql } from "graphql";
import { z } from "zod";

/** A server of the outside world: action handlers and upstreams of the tests. */
export type Outside = { url: string; calls(): readonly OutsideCall[]; close(): Promise<void> };
export type OutsideCall = { path: string; headers: IncomingHttpHeaders; body: string };
export type OutsideAnswer = { status?: number; headers?: Record<string, string | string[]>; body: string };

export async function startOutside(
  answer: (call: OutsideCall) => OutsideAnswer | Promise<OutsideAnswer>,
): Promise<Outside> {
  const calls: OutsideCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const call = { path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() };
      calls.push(call);
      const { status = 200, headers = {}, body } = await answer(call);
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls: () => calls,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const requestSchema = z.object({ query: z.string(), variables: z.record(z.string(), z.unknown()).nullish() });

/** A GraphQL upstream; `rootValue` resolves its root fields. */
export function startUpstream(schema: GraphQLSchema, rootValue: Record<string, unknown>): Promise<Outside> {
  return startOutside(async ({ body, headers }) => {
    const { query, variables } = requestSchema.parse(JSON.parse(body));
    return {
      body: JSON.stringify(
        await graphql({
          schema,
          source: query,
          variableValues: variables ?? null,
          rootValue,
          contextValue: { headers },
        }),
      ),
    };
  });
}
