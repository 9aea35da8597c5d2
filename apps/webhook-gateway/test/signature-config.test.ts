import { expect, test } from "vitest";
import { findScheme } from "../src/domain/schemes/all.ts";

const COMPLETE = { signatureHeader: "x-signature", algorithm: "sha256", encoding: "hex", template: "{body}" };
const schema = findScheme("GENERIC_HMAC")?.configSchema;

test.for<[string, object]>([
  ["no body in the template", { template: "{timestamp}", timestampHeader: "x-time" }],
  ["two bodies in the template", { template: "{body}{body}" }],
  ["a placeholder nobody knows", { template: "{tiemstamp}.{body}" }],
  ["a lone brace", { template: "{body}}" }],
  ["a timestamp without its header", { template: "{timestamp}.{body}" }],
  ["an id without its header", { template: "{id}.{body}" }],
  ["a template of 257 characters", { template: `{body}${"x".repeat(251)}` }],
  ["MD5", { algorithm: "md5" }],
  ["SHA-1", { algorithm: "sha1" }],
  ["an unknown encoding", { encoding: "utf8" }],
  ["a header name in capitals", { signatureHeader: "X-Signature" }],
  ["a header name of 65 characters", { signatureHeader: "x".repeat(65) }],
  ["the signature in authorization", { signatureHeader: "authorization" }],
  ["the id in a cookie", { idHeader: "cookie" }],
  ["the id in the signature's header", { idHeader: "x-signature" }],
  ["the timestamp in the signature's header", { timestampHeader: "x-signature" }],
  ["a prefix with a line feed", { prefix: "a\n" }],
  ["an unknown key", { secret: "x" }],
  ["a template that is no text", { template: { $ne: "" } }],
])("GENERIC_HMAC takes no configuration with %s", ([, change]) => {
  expect(schema?.safeParse({ ...COMPLETE, ...change }).success).toBe(false);
});

test.for<[string, object]>([
  ["nothing else", {}],
  [
    "every placeholder",
    { template: "{method} {path}\n{timestamp}.{id}.{body}", timestampHeader: "x-time", idHeader: "x-id" },
  ],
  ["an id that is not signed", { idHeader: "x-id" }],
  ["a template of 256 characters", { template: `{body}${"x".repeat(250)}` }],
  ["a header name of 64 characters", { signatureHeader: "x".repeat(64) }],
  ["SHA-512 and base64url", { algorithm: "sha512", encoding: "base64url" }],
])("GENERIC_HMAC may be configured with %s, and what is stored fits again", ([, change]) => {
  const stored = schema?.parse({ ...COMPLETE, ...change });

  expect(stored).toEqual({ prefix: "", ...COMPLETE, ...change });
  expect(findScheme("GENERIC_HMAC")?.receiver(stored)).toBeDefined();
});
