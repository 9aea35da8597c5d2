import { secretMatches } from "@control-plane/service-kit";
import { hasuraBoolean } from "../hasura-boolean.ts";
import { HasuraError } from "../hasura-error.ts";
import type { EngineSettings, JwtSettings } from "../settings.ts";
import { type JwksOptions, openJwks } from "./jwks.ts";
import { readConfiguredKey } from "./key-set.ts";
import type { Session } from "./session.ts";
import { stringClaims, type TokenClaims } from "./token-claims.ts";
import { createTokenReader } from "./token-reader.ts";
import type { TokenRules } from "./verify-token.ts";

export type AuthSettings = Pick<EngineSettings, "adminSecret" | "jwt" | "unauthorizedRole">;
export type AuthenticatorOptions = Omit<JwksOptions, "url"> & {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
};

export type Authenticator = {
  /** Decides who asks (docs/reference/hasura-semantics.md, "Who asks"). Names in lower case. Throws HasuraError. */
  authenticate(headers: ReadonlyMap<string, string>): Promise<Session>;
  close(): void;
};

export const SECRET_HEADERS = ["x-hasura-admin-secret", "x-hasura-access-key"] as const;

/** Fetches the JWKS where one is configured; rejects when it stays unreachable. */
export async function createAuthenticator(
  settings: AuthSettings,
  options: AuthenticatorOptions = {},
): Promise<Authenticator> {
  const now = options.now ?? Date.now;
  const { jwt } = settings;
  const tokens = jwt === undefined ? undefined : await openTokens(jwt, options);

  const authenticate = async (headers: ReadonlyMap<string, string>): Promise<Session> => {
    if (settings.adminSecret === undefined) return adminSession(headers);
    const presented = headers.get(SECRET_HEADERS[0]) ?? headers.get(SECRET_HEADERS[1]);
    if (presented !== undefined) {
      if (secretMatches(presented, [settings.adminSecret])) return adminSession(headers);
      throw new HasuraError("access-denied", 'invalid "x-hasura-admin-secret"/"x-hasura-access-key"');
    }
    const authorization = tokens === undefined ? undefined : headers.get("authorization");
    if (tokens !== undefined && authorization !== undefined) {
      return tokenSession(authorization, headers.get("x-hasura-role"), tokens, Math.floor(now() / 1000));
    }
    if (settings.unauthorizedRole !== undefined) return roleSession(settings.unauthorizedRole, headers);
    throw tokens === undefined
      ? new HasuraError("access-denied", '"x-hasura-admin-secret"/"x-hasura-access-key" required, but not found')
      : new HasuraError("invalid-headers", "Missing 'Authorization' or 'Cookie' header in JWT authentication mode");
  };
  return { authenticate, close: () => tokens?.close() };
}

type Tokens = {
  readonly read: ReturnType<typeof createTokenReader>;
  /** The last session made of a token's claims; sessions never change. */
  readonly sessions: WeakMap<TokenClaims, Session>;
  close(): void;
};

async function openTokens(settings: JwtSettings, options: AuthenticatorOptions): Promise<Tokens> {
  const { key, jwkUrl } = settings;
  if (jwkUrl !== undefined) {
    const jwks = await openJwks({ ...options, url: jwkUrl });
    const findKey: TokenRules["findKey"] = ({ kid }) => (typeof kid === "string" ? jwks.find(kid) : undefined);
    return { read: createTokenReader(settings, { ...settings, findKey }), sessions: new WeakMap(), close: jwks.close };
  }
  const configured = key === undefined ? undefined : readConfiguredKey(key.type, key.text);
  return {
    read: createTokenReader(settings, { ...settings, findKey: () => configured }),
    sessions: new WeakMap(),
    close: () => undefined,
  };
}

async function tokenSession(
  authorization: string,
  wantedRole: string | undefined,
  tokens: Tokens,
  nowSeconds: number,
): Promise<Session> {
  const token = /^Bearer ([^ ]+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new HasuraError("invalid-headers", "Malformed Authorization header");
  const { claims, expiresAt } = await tokens.read(token, nowSeconds);
  const role = wantedRole ?? claims.defaultRole;
  const made = tokens.sessions.get(claims);
  if (made?.role === role) return made;
  if (!claims.allowedRoles.includes(role))
    throw new HasuraError("access-denied", "Your requested role is not in allowed roles");
  const variables = stringClaims(claims.others).set("x-hasura-role", role);
  const session = { role, variables, backendOnly: false, admin: role === "admin", expiresAt };
  tokens.sessions.set(claims, session);
  return session;
}

/** Right admin secret, or none configured: role and variables come from the headers. */
function adminSession(headers: ReadonlyMap<string, string>): Session {
  const role = headers.get("x-hasura-role") ?? "admin";
  const wish = headers.get("x-hasura-use-backend-only-permissions");
  return { ...roleSession(role, headers), backendOnly: wish !== undefined && parseBoolean(wish) };
}

function roleSession(role: string, headers: ReadonlyMap<string, string>): Session {
  const variables = new Map(
    [...headers].filter(([name]) => name.startsWith("x-hasura-") && !SECRET_HEADERS.some((secret) => secret === name)),
  );
  variables.set("x-hasura-role", role);
  return { role, variables, backendOnly: false, admin: role === "admin", expiresAt: undefined };
}

function parseBoolean(text: string): boolean {
  const value = hasuraBoolean(text);
  if (value !== undefined) return value;
  throw new HasuraError(
    "bad-request",
    'x-hasura-use-backend-only-permissions:  Not a valid boolean text. True values are ["true","t","yes","y"] and  False values are ["false","f","no","n"]. All values are case insensitive',
  );
}
