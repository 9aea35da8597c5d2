import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { defineQueue } from "./contract.ts";
import { type RunEvent, runEventsBodySchema } from "./runner-api.ts";

const BODY_LENGTH_MAX = 4 * 1024 * 1024;

export const runEventsSchema = z.object({
  runId: z.uuid(),
  attempt: z.int().positive(),
  body: z.string().max(BODY_LENGTH_MAX).describe('JSON text {"events": […]}, events as in POST …/events'),
  signature: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe("hex HMAC-SHA256 over the UTF-8 bytes of body; key = SHA-256 of the lease token"),
});
export type RunEvents = z.infer<typeof runEventsSchema>;

/** runner → orchestrator, for runners that prefer the queue to HTTP. */
export const runEvents = defineQueue<RunEvents>({
  name: "run-events",
  contractVersion: 1,
  payload: runEventsSchema,
  jobId: ({ runId, attempt, body }) => `${runId}_${attempt}_${firstSeq(body)}`,
  options: {
    attempts: 10,
    backoff: { type: "exponential", delay: 1_000 },
    removeOnComplete: true,
    removeOnFail: { age: 24 * 3600 },
  },
});

function firstSeq(body: string): number {
  return readRunEvents(body)?.[0]?.seq ?? 0;
}

/** The events of a job's body; undefined for a body that does not fit. */
export function readRunEvents(body: string): RunEvent[] | undefined {
  try {
    return runEventsBodySchema.safeParse(JSON.parse(body)).data?.events;
  } catch {
    return undefined;
  }
}

/** The runner signs with the hash of its lease token, which the database also stores; Redis never sees the token. */
export function signRunEvents(leaseToken: string, body: string): string {
  const key = createHash("sha256").update(leaseToken).digest();
  return createHmac("sha256", key).update(body, "utf8").digest("hex");
}

/** @param leaseTokenHash the 32 bytes the run's row holds */
export function verifyRunEvents(leaseTokenHash: Buffer, body: string, signature: string): boolean {
  const expected = createHmac("sha256", leaseTokenHash).update(body, "utf8").digest();
  const given = Buffer.from(signature, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
