import { test as base, environment, startService } from "./service.ts";
import { openStoreProxy } from "./store-proxy.ts";

/** With a second service on the same stores, whose way to Redis can be cut. */
export const test = base.extend("replica", async ({ db, redis }, { onCleanup }) => {
  const wire = await openStoreProxy(redis.url, 6379);
  const service = await startService(
    environment({ databaseUrl: db.urlAs("cp_orchestrator"), redisUrl: wire.url, queuePrefix: redis.prefix }),
  );
  onCleanup(async () => {
    await service.close();
    await wire.close();
  });
  return { ...service, wire };
});
