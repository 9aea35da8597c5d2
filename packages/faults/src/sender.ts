import { createHmac } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { signedWebhook } from "@control-plane/local-stack";
import type { Random } from "@control-plane/testkit/random";
import { z } from "zod";
import { STRETCH } from "./stretch.ts";

/** Where webhooks go: one trigger of one tenant. */
export type Receiver = { tenantId: string; triggerId: string; webhookPath: string; secret: string };

export type Acknowledged = { senderId: string; triggerId: string; deliveryId: string; runId: string };

/** What a sender knows when it is done: everything that was acknowledged, and how. */
export type Sent = {
  readonly acknowledged: readonly Acknowledged[];
  /** By HTTP status; 0 where no answer came. */
  readonly answers: ReadonlyMap<number, number>;
  /** Of every answer, in milliseconds, sorted. */
  readonly latencies: readonly number[];
  /** What no sender may meet: an id answered in two ways, a refusal that is ours. */
  readonly problems: readonly string[];
};

export type SendOptions = {
  receivers: readonly Receiver[];
  /** Origins of the gateways, taken in turn. */
  gateways: readonly string[];
  count: number;
  /** First part of the ids, so that no two batches of a cell share one. */
  label: string;
  random: Random;
  concurrency?: number;
  body?: (n: number) => unknown;
  /** Told after each acknowledgement. */
  onAcknowledged?: (total: number) => void;
  /** How long one webhook is tried. */
  patienceMs?: number;
};

const acknowledgementSchema = z.object({ deliveryId: z.uuid(), runId: z.uuid() });
const ANSWER_WITHIN_MS = 10_000;

export type Attempted = { status: number; body: unknown; ms: number; retryAfter: string | null };

/** One request, without patience; status 0 when the connection failed. */
export async function attempt(
  origin: string,
  receiver: Receiver,
  webhook: { id: string; body: string },
): Promise<Attempted> {
  const startedAt = performance.now();
  try {
    const reply = await fetch(`${origin}/hooks/${receiver.webhookPath}`, {
      method: "POST",
      headers: signedWebhook(receiver.secret, webhook.body, webhook.id),
      body: webhook.body,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const body: unknown = await reply.json();
    return {
      status: reply.status,
      body,
      ms: performance.now() - startedAt,
      retryAfter: reply.headers.get("retry-after"),
    };
  } catch {
    return { status: 0, body: undefined, ms: performance.now() - startedAt, retryAfter: null };
  }
}

/** As a real sender: each webhook again and again, 0.2 to 2 s apart, with the same id, until it is acknowledged. */
export async function sendWebhooks(options: SendOptions): Promise<Sent> {
  const { receivers, gateways, random, count, label, patienceMs = 90_000 * STRETCH } = options;
  const acknowledged: Acknowledged[] = [];
  const answers = new Map<number, number>();
  const latencies: number[] = [];
  const problems: string[] = [];
  let next = 0;
  const deliver = async (n: number): Promise<void> => {
    const receiver = receivers[n % receivers.length];
    if (receiver === undefined) throw new Error("there is no receiver");
    const webhook = { id: `msg_${label}_${n}`, body: JSON.stringify(options.body?.(n) ?? { n }) };
    const deadline = Date.now() + patienceMs;
    for (let tries = 0; ; tries += 1) {
      const reply = await attempt(gateways[(n + tries) % gateways.length] ?? "", receiver, webhook);
      answers.set(reply.status, (answers.get(reply.status) ?? 0) + 1);
      if (reply.status !== 0) latencies.push(reply.ms);
      if (reply.status >= 200 && reply.status < 300) {
        const { triggerId } = receiver;
        acknowledged.push({ senderId: webhook.id, triggerId, ...acknowledgementSchema.parse(reply.body) });
        options.onAcknowledged?.(acknowledged.length);
        return;
      }
      if (reply.status >= 400 && reply.status < 500) {
        problems.push(`${webhook.id} was refused with ${reply.status} ${JSON.stringify(reply.body)}`);
        return;
      }
      if (Date.now() > deadline) {
        problems.push(`${webhook.id} was not acknowledged within ${patienceMs / 1000} s`);
        return;
      }
      await delay(random.int(200, 2_000));
    }
  };
  const work = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) await deliver(n);
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency ?? 32, count) }, work));
  return { acknowledged, answers, latencies: latencies.sort((a, b) => a - b), problems };
}

/** 0.99 gives the 99th percentile. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** A webhook whose signature is of another time than now, in seconds. */
export async function postSigned(origin: string, receiver: Receiver, id: string, secondsOff: number): Promise<number> {
  const timestamp = String(Math.floor(Date.now() / 1_000) + secondsOff);
  const key = Buffer.from(receiver.secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.{}`).digest("base64");
  const reply = await fetch(`${origin}/hooks/${receiver.webhookPath}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${signature}`,
    },
    body: "{}",
  });
  await reply.body?.cancel();
  return reply.status;
}
