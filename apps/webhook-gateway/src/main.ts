import { setFlagsFromString } from "node:v8";
import { runUntilSignal, startService } from "@control-plane/service-kit";
import { armFailpoints } from "@control-plane/service-kit/failpoint";
import { loadConfig } from "./config.ts";
import { createDeps } from "./deps.ts";
import { startFlushingRejections } from "./loops/flush-rejections.ts";
import { buildServer } from "./server.ts";

/**
 * In percent. A heap that may be no larger than a gateway's is let grow by a third by itself, and buffers of webhooks are
 * growth: under load all of it would be marked several times a second. NODE_OPTIONS cannot say this.
 */
const HEAP_GROWTH = 100;
setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);

await startService("webhook-gateway", async () => {
  const config = loadConfig(process.env);
  armFailpoints(config.FAILPOINTS);
  const { deps, close } = await createDeps(config);
  const server = await buildServer(deps, {
    actionSecrets: config.HASURA_ACTION_SECRET,
    trustedProxies: config.TRUSTED_PROXIES,
    hooks: {
      bodyBytesMax: config.HOOK_BODY_BYTES_MAX,
      bodyMsMax: 10_000,
      perPath: config.HOOK_RATE_PER_PATH,
      perAddress: config.HOOK_RATE_PER_ADDRESS,
    },
  });
  runUntilSignal({ server, log: deps.log, close, loops: [startFlushingRejections(deps)], deadlineMs: 10_000 });
  await server.listen({ host: config.HOST, port: config.PORT });
});
