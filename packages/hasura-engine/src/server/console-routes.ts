import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import { CONSOLE_PAGE, readConsoleAsset } from "./console-assets.ts";
import { sendNotFound } from "./not-found.ts";

const paramsSchema = z.object({ name: z.string() });

/** GraphiQL's editor writes style attributes. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:";

/** A GraphiQL page at `/`, all of it from npm packages on this host. */
export function registerConsole(server: FastifyInstance): void {
  server.get("/", async (_request, reply) =>
    reply.header("content-security-policy", POLICY).type("text/html; charset=utf-8").send(CONSOLE_PAGE),
  );
  server.get("/console/:name", async (request, reply): Promise<FastifyReply> => {
    const params = paramsSchema.parse(request.params);
    const asset = await readConsoleAsset(params.name);
    return asset === undefined ? sendNotFound(reply) : reply.type(asset.type).send(asset.content);
  });
}
