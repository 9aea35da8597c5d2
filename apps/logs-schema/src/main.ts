import { runUntilSignal, startService } from "@control-plane/service-kit";
import { armFailpoints } from "@control-plane/service-kit/failpoint";
import { loadConfig } from "./config.ts";
import { createDeps } from "./deps.ts";
import { buildServer } from "./server.ts";

await startService("logs-schema", async () => {
  const config = loadConfig(process.env);
  armFailpoints(config.FAILPOINTS);
  const { deps, close } = await createDeps(config);
  const server = await buildServer(deps, {
    secrets: config.LOGS_SCHEMA_SECRET,
    trustedProxies: config.TRUSTED_PROXIES,
  });
  runUntilSignal({ server, log: deps.log, close, deadlineMs: 10_000 });
  await server.listen({ host: config.HOST, port: config.PORT });
});
