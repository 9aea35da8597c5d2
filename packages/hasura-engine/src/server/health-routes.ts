import { inTime } from "@control-plane/service-kit";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { ENGINE_VERSION } from "../outbound/user-agent.ts";
import type { ServedEngine } from "./served-engine.ts";

const PING_MS_MAX = 1_000;

const querySchema = z.object({ strict: z.string().optional() });

/** Hasura's `/healthz` and `/v1/version`, and `/live` and `/ready` of every service. */
export function registerHealthRoutes(server: FastifyInstance, engine: ServedEngine): void {
  for (const path of ["/healthz", "/hasura/healthz"]) {
    server.get(path, async (request, reply) => {
      reply.type("text/plain; charset=utf-8");
      if (engine.inconsistencies().length === 0) return reply.send("OK");
      const query = querySchema.safeParse(request.query);
      return query.success && query.data.strict === "true"
        ? reply.code(500).send("ERROR: inconsistent objects in schema")
        : reply.send("WARN: inconsistent objects in schema");
    });
  }
  server.get("/v1/version", async () => ({ version: ENGINE_VERSION, server_type: "ce" }));
  server.get("/live", async () => ({ status: "live", processId: process.pid }));

  let closing = false;
  server.addHook("preClose", async () => {
    closing = true;
  });
  server.get("/ready", async (_request, reply) => {
    try {
      if (closing) throw new Error("shutting down");
      await inTime(engine.ping(), PING_MS_MAX);
      return { status: "ready" };
    } catch {
      return reply.code(503).send({ status: "not ready" });
    }
  });
}
