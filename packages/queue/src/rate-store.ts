import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { type QueueConnection, retryStrategy } from "./connection.ts";

/** Sliding windows that all replicas share. Every method rejects soon while Redis is away. */
export type RateStore = {
  /** 0: counted. Else milliseconds until the oldest of `limit` leaves the window. */
  take(key: string, limit: number, windowMs: number): Promise<number>;
  /** Takes the latest count of the key back. */
  giveBack(key: string): Promise<void>;
  close(): Promise<void>;
};

/** A request waits for this: the answer of Redis is worth less than the answer of the request. */
const COMMAND_MS_MAX = 250;
const CONNECT_MS_MAX = 1_000;

/** One member of a sorted set per count, by time; the time is Redis's own, so that replicas with other clocks agree. */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) < limit then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], window)
  return 0
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return math.max(1, oldest[2] + window - now)`;

export function openRateStore({ url, prefix }: QueueConnection, onError: (error: Error) => void): RateStore {
  const client = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_MS_MAX,
    connectTimeout: CONNECT_MS_MAX,
    retryStrategy,
  });
  client.on("error", onError);
  const keyOf = (key: string): string => `${prefix}:rate:${key}`;
  return {
    async take(key, limit, windowMs) {
      return Number(await client.eval(TAKE, 1, keyOf(key), limit, windowMs, randomUUID()));
    },
    async giveBack(key) {
      await client.zpopmax(keyOf(key));
    },
    async close() {
      client.disconnect();
    },
  };
}
