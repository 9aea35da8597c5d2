import { createDenialLog, findMembership } from "@control-plane/db";
import {
  createServer,
  LOOPBACK_ORIGIN,
  type RegisterActionsOptions,
  registerActions,
  registerEvents,
} from "@control-plane/service-kit";
import cors from "@fastify/cors";
import type { FastifyInstance } from "fastify";
import { allActions } from "./actions/all.ts";
import type { Call } from "./actions/define-action.ts";
import { expireInvitations } from "./crons/expire-invitations.ts";
import type { Deps } from "./deps.ts";
import { invitationCreated } from "./events/invitation-created.ts";
import { registerAuthRoutes } from "./routes/auth.ts";
import { registerBearer } from "./routes/bearer.ts";
import { registerJwksRoute } from "./routes/jwks.ts";
import { registerCredentialsRoute } from "./routes/runner/credentials.ts";

export type ServerOptions = {
  actionSecrets: readonly string[];
  eventSecrets: readonly string[];
  corsOrigins: readonly string[];
  trustedProxies: string[];
  issuer: string;
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
    await server.register(cors, {
      origin: options.corsOrigins.map((origin) => (origin === "loopback" ? LOOPBACK_ORIGIN : origin)),
      methods: ["POST"],
    });
  const checks: Pick<RegisterActionsOptions<Call>, "findMembership" | "onDenied"> = {
    findMembership: (tenantId, userId) => findMembership(deps.db, tenantId, userId),
    onDenied: createDenialLog(deps.db, "auth-actions"),
  };
  registerActions(server, {
    ...checks,
    actions: allActions,
    secrets: options.actionSecrets,
    // Hasura forwards no headers, so nothing is known of the client behind it.
    deps: { deps, origin: { ip: undefined, userAgent: undefined } },
    metrics: deps.metrics,
  });
  registerEvents(server, {
    events: [invitationCreated],
    crons: [expireInvitations],
    secrets: options.eventSecrets,
    deps,
  });
  registerAuthRoutes(server, { deps, checks, readBearer: await registerBearer(server, deps, options.issuer) });
  registerJwksRoute(server, deps);
  registerCredentialsRoute(server, deps);
  return server;
}
