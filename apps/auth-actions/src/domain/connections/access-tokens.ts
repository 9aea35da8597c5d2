import { type Envelope, EnvelopeError, type Place, sha256 } from "@control-plane/crypto";
import { type Database, inTransaction } from "@control-plane/db";
import type { Egress } from "@control-plane/egress";
import { z } from "zod";
import { type Connection, findConnection, markFailing, storeAccessToken } from "../../store/connections.ts";
import { fetchToken, type OAuthConnection, type TokenAnswer } from "./fetch-token.ts";
import { openSecrets } from "./secrets.ts";

export type TokenResult =
  | { outcome: "token"; token: string; secondsLeft: number }
  | Extract<TokenAnswer, { outcome: "failed" }>;

export type AccessTokens = {
  /** The connection's present token, fetched if there is none; those who ask at once share one fetch. */
  get(connection: OAuthConnection): Promise<TokenResult>;
};

/** A token is used until so long before its end. */
const MARGIN_SECONDS_MAX = 300;

const storedSchema = z.object({ accessToken: z.string(), lifetimeSeconds: z.number() });

type TokenDeps = { db: Database; envelope: Envelope; egress: Egress };

/**
 * Tokens lie sealed beside the secret they were bought with. Two processes may fetch at once, which this grant allows; one
 * process fetches once, and no transaction is open meanwhile.
 */
export function createAccessTokens(deps: TokenDeps): AccessTokens {
  const underWay = new Map<string, Promise<TokenResult>>();
  return {
    async get(connection) {
      const stored = await openStoredToken(deps.envelope, connection);
      if (stored !== undefined) return stored;
      // Secrets that were replaced meanwhile are another matter.
      const key = `${connection.id} ${sha256(connection.secretCipher ?? "").toString("base64")}`;
      const fetching = underWay.get(key) ?? refresh(deps, connection).finally(() => underWay.delete(key));
      underWay.set(key, fetching);
      return fetching;
    },
  };
}

async function refresh(deps: TokenDeps, asked: OAuthConnection): Promise<TokenResult> {
  // Who read the row before the last fetch ended comes here after it.
  const present = await findConnection(deps.db, asked.tenantId, asked.id);
  const connection = present === undefined ? asked : { ...present, auth: asked.auth };
  const stored = await openStoredToken(deps.envelope, connection);
  if (stored !== undefined) return stored;
  const answer = await fetchToken(deps.egress, connection, await openSecrets(deps.envelope, connection));
  if (answer.outcome === "failed") {
    await inTransaction(deps.db, systemActor(connection), (tx) => markFailing(tx, connection));
    return answer;
  }
  await keepToken(deps, connection, answer);
  return { outcome: "token", token: answer.token, secondsLeft: answer.lifetimeSeconds };
}

/** Stores a token unless the secrets it was bought with have been replaced. */
export async function keepToken(
  deps: Pick<TokenDeps, "db" | "envelope">,
  connection: Connection,
  { token, lifetimeSeconds }: Extract<TokenAnswer, { outcome: "token" }>,
): Promise<void> {
  const text = JSON.stringify({ accessToken: token, lifetimeSeconds });
  const cipher = await deps.envelope.seal(tokenPlace(connection), Buffer.from(text, "utf8"));
  await inTransaction(deps.db, systemActor(connection), (tx) =>
    storeAccessToken(tx, connection, { cipher, lifetimeSeconds }),
  );
}

/** Undefined where there is none, it is about to end, or it does not open: a new one is bought then. */
async function openStoredToken(
  envelope: Envelope,
  connection: Connection,
): Promise<{ outcome: "token"; token: string; secondsLeft: number } | undefined> {
  const { accessTokenCipher, accessTokenSecondsLeft: secondsLeft } = connection;
  if (accessTokenCipher === null || secondsLeft === null) return undefined;
  const opened = await envelope.open(tokenPlace(connection), accessTokenCipher).catch((error: unknown) => {
    if (error instanceof EnvelopeError) return undefined;
    throw error;
  });
  if (opened === undefined) return undefined;
  const { accessToken, lifetimeSeconds } = storedSchema.parse(JSON.parse(opened.toString("utf8")));
  if (secondsLeft <= Math.min(MARGIN_SECONDS_MAX, lifetimeSeconds / 2)) return undefined;
  return { outcome: "token", token: accessToken, secondsLeft };
}

function tokenPlace({ id, tenantId }: Connection): Place {
  return { tenantId, table: "connections", rowId: id, column: "access_token_cipher" };
}

function systemActor({ tenantId }: Connection) {
  return { source: "auth-actions", tenantId } as const;
}
