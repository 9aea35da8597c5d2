import { runUntilSignal } from "@control-plane/service-kit";
import { loadConfig } from "./config.ts";
import { createDeps } from "./deps.ts";
import { buildServer } from "./server.ts";

const config = loadConfig(process.env);
const { deps, close } = await createDeps(config);
const server = await buildServer(deps, {
  actionSecrets: config.HASURA_ACTION_SECRET,
  corsOrigins: config.CORS_ORIGINS,
  trustedProxies: config.TRUSTED_PROXIES,
});
runUntilSignal({ server, log: deps.log, close, deadlineMs: 10_000 });
await server.listen({ host: config.HOST, port: config.PORT });
