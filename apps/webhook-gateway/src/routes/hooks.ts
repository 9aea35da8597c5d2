import { createRateWindow, currentTrace, errorBody, inTime } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Deps } from "../deps.ts";
import { takeWebhook, type WebhookOutcome } from "../domain/intake.ts";
import { readBody } from "./read-body.ts";

export type HookLimits = {
  bodyBytesMax: number;
  /** All of a body must have arrived within this time. */
  bodyMsMax: number;
  perPath: number;
  perAddress: number;
};

const RATE_WINDOW_MS = 10_000;
const OTHER_METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** POST /hooks/<path> for webhook senders. Nothing is parsed before the signature over the raw bytes holds. */
export async function registerHookRoutes(server: FastifyInstance, deps: Deps, limits: HookLimits): Promise<void> {
  const byPath = createRateWindow(limits.perPath, RATE_WINDOW_MS);
  const byAddress = createRateWindow(limits.perAddress, RATE_WINDOW_MS);
  const deliveries = deps.metrics.counter("webhook_deliveries_total", "webhook requests by scheme and outcome", [
    "scheme",
    "outcome",
  ]);

  await server.register((hooks, _options, done) => {
    // Every content type is taken as raw bytes; the handler reads them itself.
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null, undefined));
    hooks.decorateRequest("webhookFacts", undefined);
    // Every request is counted once, refused ones included, when its answer is out.
    hooks.addHook("onError", async (request, _reply, error) => {
      factsOf(request).outcome ??= outcomeOf(error);
    });
    hooks.addHook("onResponse", async (request) => {
      const { scheme, outcome = "internal" } = factsOf(request);
      deliveries.inc({ scheme, outcome });
      await failpoint("gateway.after-reply");
    });
    hooks.route({ method: OTHER_METHODS, url: "/hooks/*", handler: refuseMethod });
    hooks.post<{ Params: { "*": string } }>("/hooks/*", {
      onRequest: (request, _reply, done) => {
        factsOf(request);
        refuseOverLimit(byAddress.take(request.ip) ?? byPath.take(request.params["*"].slice(0, 200)));
        refuseEncoding(request);
        refuseLength(request, limits.bodyBytesMax);
        done();
      },
      handler: async (request, reply) => {
        reply.header("cache-control", "no-store");
        const known = factsOf(request);
        const body = await readBody(request.raw, limits.bodyBytesMax, limits.bodyMsMax);
        const work = takeWebhook(deps, {
          webhookPath: request.params["*"],
          method: request.method,
          target: request.raw.url ?? "",
          headers: rawHeaders(request),
          body,
          contentType: request.headers["content-type"],
          receivedAt: known.receivedAt,
          sourceIp: request.ip,
          traceparent: currentTrace()?.traceparent,
          onScheme: (scheme) => {
            known.scheme = scheme;
          },
        });
        // What is stored although its sender was told to come again is a duplicate when he does.
        const outcome = await inTime(work, deps.intakeMsMax);
        known.outcome = outcome.outcome;
        return answer(reply, outcome);
      },
    });
    done();
  });
}

/** What is counted of a request; `receivedAt` in Unix seconds at its first byte. */
type Facts = { receivedAt: number; scheme: string; outcome: string | undefined };
declare module "fastify" {
  interface FastifyRequest {
    webhookFacts: Facts | undefined;
  }
}

/** Made when a request is first asked about, which is as it arrives. */
function factsOf(request: FastifyRequest): Facts {
  request.webhookFacts ??= { receivedAt: Date.now() / 1000, scheme: "none", outcome: undefined };
  return request.webhookFacts;
}

/** A refusal's code as a label: `PAYLOAD_TOO_LARGE` is counted as `payload-too-large`. */
function outcomeOf(error: unknown): string {
  return errorBody(error, "").body.extensions.code.toLowerCase().replaceAll("_", "-");
}

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
