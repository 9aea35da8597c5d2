import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { buildSchema, graphql } from "graphql";
import { z } from "zod";

const sdlFile = join(import.meta.dirname, "../../../apps/logs-schema/schema.graphql");
const requestSchema = z.looseObject({ query: z.string() });

/** Answers introspection of the log schema, all the engine asks of it here, so that the whole metadata is consistent. */
export async function serveLogSchema(): Promise<{ url: string; close(): void }> {
  const schema = buildSchema(readFileSync(sdlFile, "utf8"));
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const { query } = requestSchema.parse(JSON.parse(body));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(await graphql({ schema, source: query })));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}
