import { z } from "zod";

/** Algorithms a token may be signed with; symmetric ones only with `type` and `key`. */
export const JWT_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "ES256",
  "EdDSA",
  "Ed25519",
  "HS256",
  "HS384",
  "HS512",
] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** Bytes of the shortest accepted symmetric key: the output of SHA-256. */
const SYMMETRIC_KEY_BYTES_MIN = 32;

const common = {
  claims_namespace: z.string().min(1).optional(),
  claims_namespace_path: z.string().min(1).optional(),
  claims_format: z.enum(["json", "stringified_json"]).default("json"),
  audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
  issuer: z.string().min(1).optional(),
  allowed_skew: z.int().min(0).default(0),
  header: z.strictObject({ type: z.literal("Authorization") }).optional(),
};

/**
 * The value of `HASURA_GRAPHQL_JWT_SECRET` as an object, with Hasura's own key names. Unknown keys are refused
 * (`claims_map`, cookie and custom headers are not supported).
 */
export const jwtSecretSchema = z
  .union([
    z.strictObject({ ...common, jwk_url: z.url({ protocol: /^https?$/ }) }),
    z.strictObject({ ...common, type: z.enum(JWT_ALGORITHMS), key: z.string().min(1) }),
  ])
  .superRefine((secret, context) => {
    if (secret.claims_namespace !== undefined && secret.claims_namespace_path !== undefined) {
      context.addIssue({ code: "custom", message: "both claims_namespace and claims_namespace_path are given" });
    }
    if ("type" in secret && secret.type.startsWith("HS") && Buffer.byteLength(secret.key) < SYMMETRIC_KEY_BYTES_MIN) {
      context.addIssue({
        code: "custom",
        message: `a key for ${secret.type} needs at least ${SYMMETRIC_KEY_BYTES_MIN} bytes`,
      });
    }
  });

export type JwtSecret = z.infer<typeof jwtSecretSchema>;

/** Where the claims are when nothing else is configured. */
export const DEFAULT_CLAIMS_NAMESPACE = "https://hasura.io/jwt/claims";
