import { createSign, generateKeyPairSync } from "node:crypto";

const LIFETIME_SECONDS = 24 * 60 * 60;

export type Signer = {
  readonly publicKeyPem: string;
  /** An access token as auth-actions issues them, for a viewer; it outlives the bench. */
  sign(subject: { tenantId: string; userId: string }): string;
};

export const ISSUER = "https://bench.example";
export const AUDIENCE = "control-plane";

export function createSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 3072 });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    sign({ tenantId, userId }) {
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: userId,
        iat: now,
        exp: now + LIFETIME_SECONDS,
        "https://hasura.io/jwt/claims": {
          "x-hasura-allowed-roles": ["viewer"],
          "x-hasura-default-role": "viewer",
          "x-hasura-role": "viewer",
          "x-hasura-user-id": userId,
          "x-hasura-tenant-id": tenantId,
        },
      };
      const signed = `${part({ alg: "RS256", typ: "at+jwt" })}.${part(claims)}`;
      return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey).toString("base64url")}`;
    },
  };
}
