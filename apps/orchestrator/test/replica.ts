import { openStoreWire } from "@control-plane/testkit";
import { test as base, environment, startService } from "./service.ts";

/** With a second service on the same stores, whose way to Redis can be cut. */
export const test = base.extend("replica", async ({ db, redis }, { onCleanup }) => {
  const wire = await openStoreWire(redis.url);
  const service = await startService(
    environment({ databaseUrl: db.urlAs("cp_orchestrator"), redisUrl: wire.url, queuePrefix: redis.prefix }),
  );
  onCleanup(async () => {
    await service.close();
    await wire.close();
  });
  return { ...service, wire };
});
