import { z } from "zod";

/** Visible ASCII with single blanks inside: it stands before a secret in a header. */
const prefix = z
  .string()
  .regex(/^([\x21-\x7e]+( [\x21-\x7e]+)*)?$/, "must be visible ASCII")
  .max(64);
const parameterName = z
  .string()
  .regex(/^[\x21-\x7e]+$/, "must be visible ASCII without blanks")
  .max(100);
/** RFC 6749, appendix A.4. */
const scope = z
  .string()
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "must be an OAuth scope")
  .max(200);

/** RFC 9110 token, and not one of those that belong to the connection. */
export const headerNameSchema = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "must be a header name")
  .refine(
    (name) =>
      !/^(connection|content-length|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*)$/i.test(name),
    "this header belongs to the connection",
  );

/** How the calls of an app version prove who they are for: `auth_config` by `auth_type`. */
export const authSchema = z.discriminatedUnion("authType", [
  z.object({ authType: z.literal("NONE"), authConfig: z.strictObject({}) }),
  z.object({
    authType: z.literal("API_KEY"),
    authConfig: z.discriminatedUnion("in", [
      z.strictObject({ in: z.literal("HEADER"), name: headerNameSchema, prefix: prefix.default("") }),
      z.strictObject({ in: z.literal("QUERY"), name: parameterName, prefix: prefix.default("") }),
    ]),
  }),
  z.object({ authType: z.literal("BASIC"), authConfig: z.strictObject({}) }),
  z.object({ authType: z.literal("BEARER"), authConfig: z.strictObject({ prefix: prefix.default("Bearer") }) }),
  z.object({
    authType: z.literal("OAUTH2_CLIENT_CREDENTIALS"),
    authConfig: z.strictObject({
      tokenUrl: z.string().min(1).max(2_000),
      scopes: z.array(scope).max(50).default([]),
      audience: z.string().min(1).max(500).nullable().default(null),
      clientAuthentication: z.enum(["BASIC", "BODY"]).default("BASIC"),
    }),
  }),
]);
export type Auth = z.infer<typeof authSchema>;
export type AuthType = Auth["authType"];

/** The fields that a connection's secret has. */
export const SECRET_FIELDS = {
  NONE: [],
  API_KEY: ["apiKey"],
  BASIC: ["username", "password"],
  BEARER: ["token"],
  OAUTH2_CLIENT_CREDENTIALS: ["clientId", "clientSecret"],
} as const satisfies Record<AuthType, readonly string[]>;
