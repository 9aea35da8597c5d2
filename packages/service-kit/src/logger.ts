import { type DestinationStream, type Logger, pino } from "pino";
import { describeError } from "./describe-error.ts";
import { currentRequestId, currentTrace } from "./trace.ts";

export type { Logger } from "pino";

const SECRET_HEADERS = [
  "authorization",
  "cookie",
  "set-cookie",
  "x-action-secret",
  "x-event-secret",
  "x-logs-schema-secret",
  "x-hasura-admin-secret",
  "webhook-signature",
  "svix-signature",
];

/**
 * JSON lines on standard output, each with service, request id and trace id. Secret headers never appear, and of an
 * error (`err`) only what `describeError` lets through.
 */
export function createLogger(options: { service: string; level: string; destination?: DestinationStream }): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: () => ({ requestId: currentRequestId(), traceId: currentTrace()?.traceId }),
    serializers: { err: (error: unknown) => describeError(error) },
    redact: {
      paths: SECRET_HEADERS.flatMap((name) => [`headers["${name}"]`, `*.headers["${name}"]`]),
      censor: "[redacted]",
    },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}
