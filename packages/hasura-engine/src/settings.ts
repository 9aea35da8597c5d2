import { z } from "zod";
import { hasuraBoolean } from "./hasura-boolean.ts";
import {
  type DocumentLimits,
  documentLimits,
  documentLimitsShape,
  type ShareLimits,
  shareLimits,
  shareLimitsShape,
  TIMER_MS_MAX,
} from "./limits.ts";

/** `HASURA_GRAPHQL_JWT_SECRET`, parsed. Exactly one of `key` and `jwkUrl` is set. */
export type JwtSettings = {
  readonly key: { readonly type: JwtKeyType; readonly text: string } | undefined;
  readonly jwkUrl: string | undefined;
  readonly claims: { readonly at: "namespace"; readonly name: string } | { readonly at: "path"; readonly path: string };
  readonly claimsFormat: "json" | "stringified_json";
  /** Empty = not checked. */
  readonly audience: readonly string[];
  readonly issuer: string | undefined;
  readonly allowedSkewSeconds: number;
};
export type JwtKeyType = (typeof JWT_KEY_TYPES)[number];

/** The engine's settings; the names are Hasura's environment variables without the prefix. */
export type EngineSettings = {
  readonly adminSecret: string | undefined;
  readonly jwt: JwtSettings | undefined;
  readonly unauthorizedRole: string | undefined;
  readonly stringifyNumericTypes: boolean;
  readonly devMode: boolean;
  readonly adminInternalErrors: boolean;
  readonly configuredHeaderPrecedence: boolean;
  readonly enableRemoteSchemaPermissions: boolean;
  readonly enabledApis: readonly ("graphql" | "metadata")[];
  /** `*`, or origins separated by commas. */
  readonly corsDomain: string;
  /** Pages of this machine too, whatever their port. */
  readonly corsLoopback: boolean;
  readonly enableConsole: boolean;
  readonly eventsFetchIntervalMs: number;
  readonly eventsFetchBatchSize: number;
  readonly eventsHttpPoolSize: number;
  readonly liveQueriesRefetchIntervalMs: number;
  readonly streamingQueriesRefetchIntervalMs: number;
  readonly port: number;
  readonly host: string;
  readonly metadataDir: string | undefined;
  /** Of every role but `admin`. */
  readonly documentLimits: DocumentLimits;
  readonly shareLimits: ShareLimits;
  /** Session variables that say on whose account a session works, the first that it has. */
  readonly sharedBy: readonly string[];
  /** Sockets of the unauthorized role. */
  readonly anonymousSockets: boolean;
  readonly adminSecretOnSockets: boolean;
  /** What `{{NAME}}`, `value_from_env`, `from_env` and `webhook_from_env` read. */
  readonly env: Readonly<Record<string, string>>;
};

/** All problems of the settings at once, each as `<variable>: <what is wrong>`. */
export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "SettingsError";
    this.problems = problems;
  }
}

const JWT_KEY_TYPES = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "Ed25519"] as const;
const HMAC_KEY_BYTES_MIN: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

const unsupportedValue = (feature: string) =>
  z
    .unknown()
    .refine((value) => value === undefined || value === null, `${feature} is not supported by the embedded engine`);

const jwtSchema = z
  .strictObject({
    type: z.enum(JWT_KEY_TYPES).optional(),
    key: z.string().optional(),
    jwk_url: z.url().optional(),
    claims_namespace: z.string().optional(),
    claims_namespace_path: z.string().optional(),
    claims_format: z.enum(["json", "stringified_json"]).default("json"),
    audience: z.union([z.string().transform((one) => [one]), z.array(z.string())]).default([]),
    issuer: z.string().optional(),
    allowed_skew: z.number().min(0).default(0),
    claims_map: unsupportedValue("claims_map").optional(),
    header: z
      .strictObject({
        type: z.literal(
          "Authorization",
          "a token outside the Authorization header is not supported by the embedded engine",
        ),
      })
      .optional(),
  })
  .superRefine((jwt, context) => {
    const complain = (message: string): void => context.addIssue({ code: "custom", message });
    if ((jwt.key === undefined) === (jwt.jwk_url === undefined))
      complain("exactly one of key and jwk_url must be given");
    if (jwt.key !== undefined && jwt.type === undefined) complain("type must be given beside key");
    const bytesMin = HMAC_KEY_BYTES_MIN[jwt.type ?? ""];
    if (jwt.key !== undefined && bytesMin !== undefined && Buffer.byteLength(jwt.key) < bytesMin) {
      complain(`an ${jwt.type} key shorter than ${bytesMin} bytes is not supported by the embedded engine`);
    }
    if (jwt.claims_namespace !== undefined && jwt.claims_namespace_path !== undefined) {
      complain("claims_namespace beside claims_namespace_path is not supported by the embedded engine");
    }
  })
  .transform(
    (jwt): JwtSettings => ({
      key: jwt.key === undefined || jwt.type === undefined ? undefined : { type: jwt.type, text: jwt.key },
      jwkUrl: jwt.jwk_url,
      claims:
        jwt.claims_namespace_path === undefined
          ? { at: "namespace", name: jwt.claims_namespace ?? "https://hasura.io/jwt/claims" }
          : { at: "path", path: jwt.claims_namespace_path },
      claimsFormat: jwt.claims_format,
      audience: jwt.audience,
      issuer: jwt.issuer,
      allowedSkewSeconds: jwt.allowed_skew,
    }),
  );

const jsonTextSchema = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: "custom", message: "is not JSON" });
    return z.NEVER;
  }
});

const flag = (whenUnset: boolean) =>
  z
    .string()
    .transform(hasuraBoolean)
    .refine((value) => value !== undefined, "must be one of true, t, yes, y, false, f, no, n")
    .default(whenUnset);
const PORT_MAX = 65_535;
const integer = (whenUnset: number, min: number, max = TIMER_MS_MAX) =>
  z.coerce.number().int().min(min).max(max).default(whenUnset);

const apisSchema = z
  .string()
  .default("metadata,graphql")
  .transform((text) => text.split(",").map((api) => api.trim()))
  .pipe(z.array(z.enum(["graphql", "metadata"])));

const environmentSchema = z
  .object({
    HASURA_GRAPHQL_ADMIN_SECRET: z.string().optional(),
    HASURA_GRAPHQL_JWT_SECRET: jsonTextSchema.pipe(jwtSchema).optional(),
    HASURA_GRAPHQL_UNAUTHORIZED_ROLE: z.string().optional(),
    HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES: flag(false),
    HASURA_GRAPHQL_DEV_MODE: flag(false),
    HASURA_GRAPHQL_ADMIN_INTERNAL_ERRORS: flag(true),
    HASURA_GRAPHQL_CONFIGURED_HEADER_PRECEDENCE: flag(false),
    HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS: flag(false),
    HASURA_GRAPHQL_ENABLED_APIS: apisSchema,
    HASURA_GRAPHQL_CORS_DOMAIN: z.string().default("*"),
    HASURA_GRAPHQL_ENABLE_CONSOLE: flag(false),
    HASURA_GRAPHQL_EVENTS_FETCH_INTERVAL: integer(1000, 1),
    HASURA_GRAPHQL_EVENTS_FETCH_BATCH_SIZE: integer(100, 1),
    HASURA_GRAPHQL_EVENTS_HTTP_POOL_SIZE: integer(100, 1),
    HASURA_GRAPHQL_LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL: integer(1000, 1),
    HASURA_GRAPHQL_STREAMING_QUERIES_MULTIPLEXED_REFETCH_INTERVAL: integer(1000, 1),
    HASURA_GRAPHQL_SERVER_PORT: integer(8080, 0, PORT_MAX),
    HASURA_GRAPHQL_SERVER_HOST: z.string().default("127.0.0.1"),
    HASURA_METADATA_DIR: z.string().optional(),
    ...documentLimitsShape,
    ...shareLimitsShape,
    HASURA_ENGINE_SHARED_BY: z
      .string()
      .default("x-hasura-tenant-id,x-hasura-user-id")
      .transform((text) => text.split(",").map((name) => name.trim().toLowerCase())),
    HASURA_ENGINE_CORS_LOOPBACK: flag(false),
    HASURA_ENGINE_ANONYMOUS_SOCKETS: flag(false),
    HASURA_ENGINE_ADMIN_SECRET_ON_SOCKETS: flag(true),
  })
  .superRefine((env, context) => {
    if (env.HASURA_GRAPHQL_JWT_SECRET !== undefined && env.HASURA_GRAPHQL_ADMIN_SECRET === undefined) {
      context.addIssue({
        code: "custom",
        path: ["HASURA_GRAPHQL_JWT_SECRET"],
        message: "JWT without HASURA_GRAPHQL_ADMIN_SECRET is not supported by the embedded engine",
      });
    }
  });

/** Reads Hasura's own variables; others are without effect, blank ones count as unset. Throws SettingsError. */
export function settingsFromEnv(source: Readonly<Record<string, string | undefined>>): EngineSettings {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) {
    if (value !== undefined && value !== "") env[name] = value;
  }
  const parsed = environmentSchema.safeParse(env);
  if (!parsed.success) {
    throw new SettingsError(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`));
  }
  const given = parsed.data;
  return {
    adminSecret: given.HASURA_GRAPHQL_ADMIN_SECRET,
    jwt: given.HASURA_GRAPHQL_JWT_SECRET,
    unauthorizedRole: given.HASURA_GRAPHQL_UNAUTHORIZED_ROLE,
    stringifyNumericTypes: given.HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES,
    devMode: given.HASURA_GRAPHQL_DEV_MODE,
    adminInternalErrors: given.HASURA_GRAPHQL_ADMIN_INTERNAL_ERRORS,
    configuredHeaderPrecedence: given.HASURA_GRAPHQL_CONFIGURED_HEADER_PRECEDENCE,
    enableRemoteSchemaPermissions: given.HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS,
    enabledApis: given.HASURA_GRAPHQL_ENABLED_APIS,
    corsDomain: given.HASURA_GRAPHQL_CORS_DOMAIN,
    corsLoopback: given.HASURA_ENGINE_CORS_LOOPBACK,
    enableConsole: given.HASURA_GRAPHQL_ENABLE_CONSOLE,
    eventsFetchIntervalMs: given.HASURA_GRAPHQL_EVENTS_FETCH_INTERVAL,
    eventsFetchBatchSize: given.HASURA_GRAPHQL_EVENTS_FETCH_BATCH_SIZE,
    eventsHttpPoolSize: given.HASURA_GRAPHQL_EVENTS_HTTP_POOL_SIZE,
    liveQueriesRefetchIntervalMs: given.HASURA_GRAPHQL_LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL,
    streamingQueriesRefetchIntervalMs: given.HASURA_GRAPHQL_STREAMING_QUERIES_MULTIPLEXED_REFETCH_INTERVAL,
    port: given.HASURA_GRAPHQL_SERVER_PORT,
    host: given.HASURA_GRAPHQL_SERVER_HOST,
    metadataDir: given.HASURA_METADATA_DIR,
    documentLimits: documentLimits(given),
    shareLimits: shareLimits(given),
    sharedBy: given.HASURA_ENGINE_SHARED_BY,
    anonymousSockets: given.HASURA_ENGINE_ANONYMOUS_SOCKETS,
    adminSecretOnSockets: given.HASURA_ENGINE_ADMIN_SECRET_ON_SOCKETS,
    env,
  };
}
