import { createDenialLog } from "@control-plane/db";
import { createServer, registerActions } from "@control-plane/service-kit";
import cors from "@fastify/cors";
import type { FastifyInstance } from "fastify";
import { allActions } from "./actions/all.ts";
import type { Deps } from "./deps.ts";
import { registerAuthRoutes } from "./routes/auth.ts";
import { registerJwksRoute } from "./routes/jwks.ts";
import { findMembership } from "./store/accounts.ts";

export type ServerOptions = {
  actionSecrets: readonly string[];
  corsOrigins: readonly string[];
  trustedProxies: string[];
};

export async function buildServer(deps: Deps, options: ServerOptions): Promise<FastifyInstance> {
  const server = await createServer({
    service: "auth-actions",
    log: deps.log,
    metrics: deps.metrics,
    trustedProxies: options.trustedProxies,
    ready: {
      postgresql: async () => {
        await deps.pool.query("select 1");
      },
    },
  });
  if (options.corsOrigins.length > 0)
    await server.register(cors, { origin: [...options.corsOrigins], methods: ["POST"] });
  registerActions(server, {
    actions: allActions,
    secrets: options.actionSecrets,
    deps,
    findMembership: (tenantId, userId) => findMembership(deps.db, tenantId, userId),
    onDenied: createDenialLog(deps.db, "auth-actions"),
    metrics: deps.metrics,
  });
  registerAuthRoutes(server, deps);
  registerJwksRoute(server, deps);
  return server;
}
