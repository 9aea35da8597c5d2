import { createPublicKey, type KeyObject } from "node:crypto";
import { z } from "zod";

/** Algorithms a token may be signed with; symmetric ones only with a configured key. */
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

/** A public or symmetric key and the algorithms it allows. */
export type VerificationKey = { readonly key: KeyObject | Uint8Array; readonly algorithms: readonly JwtAlgorithm[] };

const jwkSchema = z.object({
  kty: z.string(),
  kid: z.string().min(1).optional(),
  alg: z.string().optional(),
  use: z.string().optional(),
  crv: z.string().optional(),
  n: z.string().optional(),
  e: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
});
const jwksSchema = z.object({ keys: z.array(z.unknown()) });

/**
 * Keys of a JWKS document by `kid`. Keys without `kid`, of other kinds, meant for encryption, or that cannot be read are
 * left out; a symmetric key in a public document is never used.
 */
export function readKeySet(document: unknown): ReadonlyMap<string, VerificationKey> {
  const keys = new Map<string, VerificationKey>();
  for (const entry of jwksSchema.parse(document).keys) {
    const jwk = jwkSchema.safeParse(entry);
    if (!jwk.success || jwk.data.kid === undefined || (jwk.data.use ?? "sig") !== "sig") continue;
    const algorithms = algorithmsOf(jwk.data);
    if (algorithms.length === 0) continue;
    const key = publicKey(jwk.data);
    if (key !== undefined) keys.set(jwk.data.kid, { key, algorithms });
  }
  return keys;
}

function publicKey({ kty, crv, n, e, x, y }: z.infer<typeof jwkSchema>): KeyObject | undefined {
  const present = Object.fromEntries(
    Object.entries({ kty, crv, n, e, x, y }).filter(([, value]) => value !== undefined),
  );
  try {
    return createPublicKey({ key: present, format: "jwk" });
  } catch {
    return undefined;
  }
}

/** The algorithm a JWK names, or all of its kind. */
function algorithmsOf(jwk: {
  kty: string;
  alg?: string | undefined;
  crv?: string | undefined;
}): readonly JwtAlgorithm[] {
  const possible = algorithmsOfKind(jwk.kty, jwk.crv);
  return jwk.alg === undefined ? possible : possible.filter((algorithm) => algorithm === jwk.alg);
}

function algorithmsOfKind(kty: string, crv: string | undefined): readonly JwtAlgorithm[] {
  if (kty === "RSA") return ["RS256", "RS384", "RS512"];
  if (kty === "EC" && crv === "P-256") return ["ES256"];
  if (kty === "OKP" && crv === "Ed25519") return ["EdDSA", "Ed25519"];
  return [];
}

/** The key of `{type, key}`: bytes of the text for HS*, else a PEM public key or certificate. */
export function readConfiguredKey(type: JwtAlgorithm, text: string): VerificationKey {
  if (type.startsWith("HS")) return { key: new TextEncoder().encode(text), algorithms: [type] };
  const key = createPublicKey(text.replaceAll("\\n", "\n"));
  return { key, algorithms: type === "EdDSA" || type === "Ed25519" ? ["EdDSA", "Ed25519"] : [type] };
}
