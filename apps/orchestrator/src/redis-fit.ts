import type { Logger } from "@control-plane/service-kit";
import { Redis } from "ioredis";

/**
 * A Redis that evicts keys loses jobs silently: refused in production, a warning elsewhere. A Redis that is away at start
 * is no fault: runs wait as PENDING rows until it is back.
 */
export async function assertRedisFit(url: string, log: Logger, production = isProduction()): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    retryStrategy: () => null,
  });
  redis.on("error", () => {});
  try {
    await redis.connect();
  } catch {
    // Those who need it say that it is away.
    return;
  }
  try {
    const info = await redis.info("memory");
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? "unknown";
    const persistence = await redis.info("persistence");
    if (policy !== "noeviction") {
      const message = `redis must run with maxmemory-policy noeviction, found ${policy}: another policy loses jobs silently`;
      if (production) throw new RedisUnfitError(message);
      log.warn({ policy }, message);
    }
    if (!/^aof_enabled:1/m.test(persistence))
      log.warn("redis runs without AOF: after a crash the sweeper has to add every job again");
  } catch (error) {
    if (error instanceof RedisUnfitError) throw error;
    log.warn({ err: error }, "redis could not be checked");
  } finally {
    redis.disconnect();
  }
}

class RedisUnfitError extends Error {}

function isProduction(): boolean {
  // biome-ignore lint/style/noProcessEnv: NODE_ENV is Node's own convention, not a setting of this service
  return process.env.NODE_ENV === "production";
}
