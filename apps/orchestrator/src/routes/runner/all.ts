import type { FastifyInstance } from "fastify";
import type { Deps } from "../../deps.ts";
import { registerClaimRoute } from "./claim.ts";
import { registerEventsRoute } from "./events.ts";
import { registerHeartbeatRoute } from "./heartbeat.ts";

/**
 * The API of runners, in any language (docs/runner-contract.md). Not routed by the public proxy; no JWT is accepted here.
 */
export function registerRunnerRoutes(server: FastifyInstance, deps: Deps): void {
  registerClaimRoute(server, deps);
  registerHeartbeatRoute(server, deps);
  registerEventsRoute(server, deps);
}
