import { currentTrace } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Deps } from "../deps.ts";
import { takeWebhook, type WebhookOutcome } from "../domain/intake.ts";
import { createRateLimit } from "../domain/rate-limit.ts";
import { readBody } from "./read-body.ts";

export type HookLimits = {
  bodyBytesMax: number;
  /** All of a body must have arrived within this time. */
  bodyMsMax: number;
  perPath: number;
  perAddress: number;
};

const OTHER_METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** POST /hooks/<path> for webhook senders. Nothing is parsed before the signature over the raw bytes holds. */
export async function registerHookRoutes(server: FastifyInstance, deps: Deps, limits: HookLimits): Promise<void> {
  const byPath = createRateLimit(limits.perPath);
  const byAddress = createRateLimit(limits.perAddress);
  const deliveries = deps.metrics.counter("webhook_deliveries_total", "webhook requests by scheme and outcome", [
    "scheme",
    "outcome",
  ]);

  await server.register((hooks, _options, done) => {
    // Every content type is taken as raw bytes; the handler reads them itself.
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null, undefined));
    hooks.route({ method: OTHER_METHODS, url: "/hooks/*", handler: refuseMethod });
    hooks.post<{ Params: { "*": string } }>("/hooks/*", {
      onRequest: async (request) => {
        const receivedAt = Date.now() / 1000;
        receivedTimes.set(request.raw, receivedAt);
        refuseOverLimit(byAddress.take(request.ip) ?? byPath.take(request.params["*"].slice(0, 200)));
        refuseEncoding(request);
        refuseLength(request, limits.bodyBytesMax);
      },
      handler: async (request, reply) => {
        reply.header("cache-control", "no-store");
        const body = await readBody(request.raw, limits.bodyBytesMax, limits.bodyMsMax);
        const outcome = await takeWebhook(deps, {
          webhookPath: request.params["*"],
          headers: rawHeaders(request),
          body,
          contentType: request.headers["content-type"],
          receivedAt: receivedTimes.get(request.raw) ?? Date.now() / 1000,
          sourceIp: request.ip,
          traceparent: currentTrace()?.traceparent,
        });
        deliveries.inc({ scheme: "STANDARD_WEBHOOKS", outcome: outcome.outcome });
        return answer(reply, outcome);
      },
    });
    done();
  });
}

/** Time of the first byte, by request. */
const receivedTimes = new WeakMap<object, number>();

function answer(reply: FastifyReply, outcome: WebhookOutcome): FastifyReply {
  switch (outcome.outcome) {
    case "accepted":
      return reply.status(202).send({ status: "ACCEPTED", deliveryId: outcome.deliveryId, runId: outcome.runId });
    case "duplicate":
      return reply.status(200).send({ status: "DUPLICATE", deliveryId: outcome.deliveryId, runId: outcome.runId });
    case "conflict":
      throw new AppError("DEDUPE_KEY_CONFLICT", "this delivery id came before with another body");
    case "unstorable":
      throw new AppError("BODY_NOT_STORABLE", "the body cannot be stored");
    case "not-verified":
      throw new AppError("SIGNATURE_INVALID", "no such receiver, or the signature does not verify");
    default:
      return outcome satisfies never;
  }
}

async function refuseMethod(_request: FastifyRequest, reply: FastifyReply): Promise<never> {
  reply.header("allow", "POST");
  throw new AppError("METHOD_NOT_ALLOWED", "webhooks are sent with POST");
}

function refuseOverLimit(waitSeconds: number | undefined): void {
  if (waitSeconds !== undefined)
    throw new AppError("RATE_LIMITED", "too many requests", { details: { retryAfterSeconds: waitSeconds } });
}

function refuseEncoding(request: FastifyRequest): void {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity")
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", "send the body without content-encoding");
}

function refuseLength(request: FastifyRequest, bytesMax: number): void {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > bytesMax) throw new AppError("PAYLOAD_TOO_LARGE", `the body is larger than ${bytesMax} bytes`);
}

/** As sent: lower-case names, duplicates kept, which Node's merged headers would hide. */
function rawHeaders(request: FastifyRequest): [string, string][] {
  const { rawHeaders: raw } = request.raw;
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2)
    headers.push([(raw[index] ?? "").toLowerCase(), raw[index + 1] ?? ""]);
  return headers;
}
