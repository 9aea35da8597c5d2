import { isJsonNumber, numberText } from "@control-plane/queue";
import { z } from "zod";
import type { ClaimedStep } from "./claim.ts";
import { resolveValue } from "./resolve.ts";
import { StepFailedError } from "./step-failed-error.ts";

/** One request without credential. */
export type HttpCall = {
  method: z.infer<typeof method>;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
};

const method = z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
const inputSchema = z.object({
  method: method.default("GET"),
  url: z.string(),
  headers: z.record(z.string(), z.unknown()).default({}),
  body: z.unknown().optional(),
});
const requestSchema = z.object({
  method,
  path: z.string().startsWith("/"),
  query: z.record(z.string(), z.unknown()).default({}),
  headers: z.record(z.string(), z.unknown()).default({}),
  body: z.unknown().optional(),
});
const baseUrlSchema = z.string().regex(/^[^?#]+$/);
const objectSchema = z.record(z.string(), z.unknown());

const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

/** Of `http.request`. */
export function callOfInput(input: unknown): HttpCall {
  const parsed = inputSchema.safeParse(input);
  if (!parsed.success) throw invalid("method, url or headers are not those of a request");
  return withBody(parsed.data.method, parsed.data.url, textsOf(parsed.data.headers), parsed.data.body);
}

/** Of an action's `request`: its references reach the step's resolved input, nothing else. */
export function callOfRequest(step: ClaimedStep, input: unknown): HttpCall {
  const request = requestSchema.safeParse(step.request);
  const baseUrl = baseUrlSchema.safeParse(step.baseUrl);
  if (!request.success || !baseUrl.success) {
    throw new StepFailedError("DEFINITION_INVALID", "the action's request or base URL is not well-formed");
  }
  const { path, query, headers, body } = request.data;
  const resolved = (value: unknown) => resolveValue(value, { input, steps: {}, trigger: null, run: null });
  const filled = fill(path, objectSchema.parse(input));
  const pairs = Object.entries(query).flatMap(([name, value]) => pairsOf(name, resolved(value)));
  const separator = pairs.length === 0 ? "" : filled.includes("?") ? "&" : "?";
  const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, resolved(value)]));
  const url = `${baseUrl.data.replace(/\/+$/, "")}${filled}${separator}${pairs.join("&")}`;
  return withBody(request.data.method, url, textsOf(texts), resolved(body));
}

function fill(template: string, input: Readonly<Record<string, unknown>>): string {
  const filled = template.replace(/\{([^{}]+)\}/g, (_whole, name: string) => {
    const text = textOf(Object.hasOwn(input, name) ? input[name] : undefined);
    // An empty segment would address the collection instead of its member.
    if (text === undefined || text === "") throw invalid(`${name} must be a text, number or boolean, and not empty`);
    return encoded(text);
  });
  // A parser would climb to another place of the API.
  if (DOT_SEGMENT.test(filled.split("?")[0] ?? "")) throw invalid("the path would have a segment of dots");
  return filled;
}

/** A list gives its name several times; null gives nothing. */
function pairsOf(name: string, value: unknown): string[] {
  return (Array.isArray(value) ? value : [value])
    .filter((item) => item !== null && item !== undefined)
    .map((item) => `${encoded(name)}=${encoded(textOf(item) ?? JSON.stringify(item))}`);
}

function textsOf(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => {
        const text = textOf(value);
        if (text === undefined) throw invalid("the values of headers must be texts, numbers or booleans");
        return [name, text];
      }),
  );
}

/** A text goes out as it is, everything else as JSON; null is no body. */
function withBody(verb: HttpCall["method"], url: string, headers: Record<string, string>, body: unknown): HttpCall {
  if (body === null || body === undefined) return { method: verb, url, headers, body: undefined };
  const isNamed = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  const kind = typeof body === "string" ? "text/plain; charset=utf-8" : "application/json";
  return {
    method: verb,
    url,
    headers: isNamed ? headers : { ...headers, "content-type": kind },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (isJsonNumber(value)) return numberText(value);
  return typeof value === "boolean" ? String(value) : undefined;
}

function encoded(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw invalid("a text of the URL has half a surrogate pair");
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

function invalid(message: string): StepFailedError {
  return new StepFailedError("INPUT_INVALID", message);
}
