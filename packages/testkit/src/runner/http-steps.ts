import { randomBytes } from "node:crypto";
import type { Answered, Egress } from "@control-plane/egress";
import { isJsonNumber, isJsonValue } from "@control-plane/queue";
import { readJson } from "@control-plane/service-kit/read-json";
import type { ClaimedStep } from "./claim.ts";
import type { Credentials } from "./credentials.ts";
import type { HttpCall } from "./http-calls.ts";
import { StepFailedError } from "./step-failed-error.ts";

/** How the steps of one attempt call out. */
export type Outside = { egress: Egress; credentials: Credentials; traceparent: string | undefined };

const ANSWER_BYTES_MAX = 1024 * 1024;
const HEADERS_KEPT = ["content-type", "etag", "location", "retry-after"];
const RETRY_AFTER_SECONDS_MAX = 86_400;
/** JSON that nests deeper stays text: it is no API's answer, and whoever reads it by recursion would fail. */
const BODY_NESTING_MAX = 100;

/** Sends a step's request with its credential, idempotency key and trace. @returns the step's output */
export async function performCall(
  outside: Outside,
  step: ClaimedStep,
  call: HttpCall,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { connectionId, allowedHosts, timeoutSeconds } = step;
  const credential = typeof connectionId === "string" ? await outside.credentials.get(connectionId, signal) : undefined;
  const traceparent = childOf(outside.traceparent);
  const own = { "idempotency-key": step.idempotencyKey, ...(traceparent === undefined ? {} : { traceparent }) };
  const given = Object.entries(call.headers).filter(([name]) => !Object.hasOwn(own, name.toLowerCase()));
  const outcome = await outside.egress.send({
    method: call.method,
    url: call.url,
    headers: { ...Object.fromEntries(given), ...own },
    body: call.body,
    allowedHosts,
    credential,
    totalMs: timeoutSeconds * 1000,
    answerBytesMax: ANSWER_BYTES_MAX,
    signal,
  });
  if (outcome.outcome === "failed") {
    // All the time of the call is all the time of the step.
    const code = outcome.code === "TIMEOUT" ? "STEP_TIMEOUT" : outcome.code;
    throw new StepFailedError(code, outcome.message, { retryable: outcome.isTemporary });
  }
  if (outcome.status < 200 || outcome.status > 299) throw failureOf(outcome);
  const headers = HEADERS_KEPT.flatMap((name) => {
    const value = outcome.headers[name];
    return value === undefined ? [] : [[name, storable(value)]];
  });
  return { status: outcome.status, headers: Object.fromEntries(headers), body: bodyOf(outcome) };
}

function failureOf(answer: Answered): StepFailedError {
  const retryable = answer.status === 408 || answer.status === 429 || answer.status >= 500;
  const retryAfterSeconds = retryable ? secondsOf(answer.headers["retry-after"]?.trim()) : undefined;
  const body = bodyOf(answer);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return new StepFailedError(`HTTP_${answer.status}`, `the answer was ${answer.status}: ${text}`, {
    retryable,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** JSON where the answer says and is JSON, else text; what is not UTF-8 is replaced. */
function bodyOf(answer: Answered): unknown {
  const text = new TextDecoder().decode(answer.body);
  const kind = (answer.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const value = kind === "application/json" || kind.endsWith("+json") ? jsonOf(text) : undefined;
  return value === undefined ? storable(text) : storable(value);
}

function jsonOf(text: string): unknown {
  try {
    const value = readJson(text);
    return isJsonValue(value, BODY_NESTING_MAX) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** U+0000 and half surrogate pairs fit no database. */
function storable(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/[\0\p{Surrogate}]/gu, "\ufffd");
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== "object" || value === null || isJsonNumber(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storable(inner)]));
}

/** Of Retry-After: seconds or a date; what is neither says nothing. */
function secondsOf(text = ""): number | undefined {
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), RETRY_AFTER_SECONDS_MAX);
}

/** A span of its own in the run's trace. */
function childOf(traceparent: string | undefined): string | undefined {
  const [, traceId, flags] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(traceparent ?? "") ?? [];
  return traceId === undefined ? undefined : `00-${traceId}-${randomBytes(8).toString("hex")}-${flags}`;
}
