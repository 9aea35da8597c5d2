/** What must hold at both ends to meet in Redis. */
export type QueueConnection = { url: string; prefix: string };

const RECONNECT_MS_MAX = 2_000;

export const retryStrategy = (times: number): number => Math.min(times * 100, RECONNECT_MS_MAX);
