import { createDenialLog, findMembership } from "@control-plane/db";
import { createServer, registerActions, registerEvents } from "@control-plane/service-kit";
import type { FastifyInstance } from "fastify";
import { allActions } from "./actions/all.ts";
import { retention } from "./crons/retention.ts";
import { tick } from "./crons/tick.ts";
import type { Deps } from "./deps.ts";
import { tenantLimitChanged } from "./events/tenant-limit-changed.ts";
import { registerOpsRoutes } from "./routes/ops.ts";
import { registerRunnerRoutes } from "./routes/runner/all.ts";

export type ServerOptions = {
  actionSecrets: readonly string[];
  eventSecrets: readonly string[];
  trustedProxies: string[];
};

export async function buildServer(deps: Deps, options: ServerOptions): Promise<FastifyInstance> {
  const server = await createServer({
    service: "orchestrator",
    log: deps.log,
    metrics: deps.metrics,
    trustedProxies: options.trustedProxies,
    ready: {
      postgresql: async () => {
        await deps.pool.query("select 1");
      },
      redis: () => deps.requests.ping(),
    },
  });
  registerActions(server, {
    actions: allActions,
    secrets: options.actionSecrets,
    deps,
    findMembership: (tenantId, userId) => findMembership(deps.db, tenantId, userId),
    onDenied: createDenialLog(deps.db, "orchestrator"),
    metrics: deps.metrics,
  });
  registerEvents(server, {
    events: [tenantLimitChanged],
    crons: [tick, retention],
    secrets: options.eventSecrets,
    deps: { ...deps, db: deps.loopDb },
  });
  registerRunnerRoutes(server, { ...deps, db: deps.runnerDb });
  if (deps.ops !== undefined) await registerOpsRoutes(server, deps.ops);
  return server;
}
