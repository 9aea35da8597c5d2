import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { defineQueue } from "./queue-contract.ts";
import { EVENTS_BYTES_MAX } from "./runner-api.ts";

export const runEventsSchema = z.object({
  runId: z.uuid(),
  attempt: z.int().positive(),
  body: z.string().max(EVENTS_BYTES_MAX).describe('JSON text {"events": […]}, events as in POST …/events'),
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
  // By all that it says: two batches that begin with one number may go on differently.
  jobId: ({ runId, attempt, signature }) => `${runId}_${attempt}_${signature}`,
  options: {
    attempts: 10,
    backoff: { type: "exponential", delay: 1_000 },
    removeOnComplete: true,
    // What failed on all its tries becomes a dead letter, and then is removed.
    removeOnFail: false,
  },
});

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
