import type { Egress } from "@control-plane/egress";
import type { Auth } from "@control-plane/runs";
import { z } from "zod";
import type { Connection } from "../../store/connections.ts";
import { basicCredential, fieldOf } from "./credential.ts";
import type { TestCode } from "./diagnoses.ts";
import type { Secrets } from "./secrets.ts";

export type OAuth = Extract<Auth, { authType: "OAUTH2_CLIENT_CREDENTIALS" }>;
export type OAuthConnection = Connection & { auth: OAuth };

export type TokenAnswer =
  | { outcome: "token"; token: string; lifetimeSeconds: number }
  | {
      outcome: "failed";
      code: TestCode;
      /** Of an answer that was one. */
      answer: { status: number; contentType: string; body: Buffer } | undefined;
    };

/** What a token is worth whose answer does not say it; taken for eternal, it would fail one day for no visible reason. */
const LIFETIME_SECONDS_DEFAULT = 600;
const LIFETIME_SECONDS_MAX = 30 * 24 * 3600;

const answerSchema = z.object({
  // It goes into a header as it is.
  access_token: z.string().regex(/^[\x21-\x7e]{1,16384}$/),
  token_type: z
    .string()
    .regex(/^bearer$/i)
    .optional(),
  expires_in: z.coerce.number().catch(LIFETIME_SECONDS_DEFAULT).default(LIFETIME_SECONDS_DEFAULT),
});

/** Buys an access token: RFC 6749, section 4.4. No redirect is followed, because the body may hold the client secret. */
export async function fetchToken(
  egress: Egress,
  { auth: { authConfig }, allowedHosts }: OAuthConnection,
  secrets: Secrets,
): Promise<TokenAnswer> {
  const [id, secret] = [fieldOf(secrets, "clientId"), fieldOf(secrets, "clientSecret")];
  const isBasic = authConfig.clientAuthentication === "BASIC";
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (authConfig.scopes.length > 0) form.set("scope", authConfig.scopes.join(" "));
  if (authConfig.audience !== null) form.set("audience", authConfig.audience);
  if (!isBasic) {
    form.set("client_id", id);
    form.set("client_secret", secret);
  }
  const result = await egress.send({
    method: "POST",
    url: authConfig.tokenUrl,
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body: form.toString(),
    allowedHosts,
    // An empty one keeps a secret in the body to the same hosts, and to TLS.
    credential: isBasic ? basicCredential(formEncoded(id), formEncoded(secret)) : { headers: {}, query: {} },
    redirectsMax: 0,
  });
  if (result.outcome === "failed") return { outcome: "failed", code: result.code, answer: undefined };
  const answer = { status: result.status, contentType: result.headers["content-type"] ?? "", body: result.body };
  if (REJECTIONS.includes(result.status)) return { outcome: "failed", code: "TOKEN_REJECTED", answer };
  const parsed = result.status === 200 ? answerSchema.safeParse(jsonOf(result.body)) : undefined;
  if (parsed?.success !== true) return { outcome: "failed", code: "TOKEN_INVALID_ANSWER", answer };
  const { access_token: token, expires_in: seconds } = parsed.data;
  return { outcome: "token", token, lifetimeSeconds: Math.min(Math.max(Math.floor(seconds), 1), LIFETIME_SECONDS_MAX) };
}

/** 400 carries `invalid_client`, `invalid_scope` and the like. */
const REJECTIONS: readonly number[] = [400, 401, 403];

/** As RFC 6749, section 2.3.1 has it in an Authorization header. */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
