import { createDenialLog, findMembership } from "@control-plane/db";
import { createServer, registerActions } from "@control-plane/service-kit";
import type { FastifyInstance } from "fastify";
import { allActions } from "./actions/all.ts";
import type { Deps } from "./deps.ts";
import { type HookLimits, registerHookRoutes } from "./routes/hooks.ts";

export type ServerOptions = { actionSecrets: readonly string[]; trustedProxies: string[]; hooks: HookLimits };

export async function buildServer(deps: Deps, options: ServerOptions): Promise<FastifyInstance> {
  const server = await createServer({
    service: "webhook-gateway",
    log: deps.log,
    metrics: deps.metrics,
    trustedProxies: options.trustedProxies,
    ready: {
      postgresql: async () => {
        await deps.pool.query("select 1");
      },
    },
  });
  registerActions(server, {
    actions: allActions,
    secrets: options.actionSecrets,
    deps,
    findMembership: (tenantId, userId) => findMembership(deps.db, tenantId, userId),
    onDenied: createDenialLog(deps.db, "webhook-gateway"),
    metrics: deps.metrics,
  });
  await registerHookRoutes(server, deps, options.hooks);
  return server;
}
