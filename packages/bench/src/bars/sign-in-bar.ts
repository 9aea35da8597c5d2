import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { startChild } from "../child.ts";
import type { LoadedRuns, SampleTenant } from "../data/load-runs.ts";
import { query } from "../data/server.ts";
import { ask, type Bar } from "../run-bar.ts";
import type { Question, Side } from "../side.ts";

const CONNECTIONS = 8;
const JSON_TYPE = { "content-type": "application/json" };
const PASSWORD = "a long enough password";
/** argon2id of PASSWORD with the parameters of production: m = 19,456 KiB, t = 2, p = 1. */
const PASSWORD_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$EIYuDUDPj/zdOiT/vL03eg$30e07r0wlrAI4kZLfvhj2Jmlqahxs6qLJOOrYhH/jIc";
const LAG_SECONDS_MAX = 0.02;
/** How often the gauge of the event loop looks; each look is recorded with the time since the last one, this included. */
const LOOK_EVERY_SECONDS = 0.01;
const INSPECTED = 400;

export type SignInOptions = {
  readonly data: LoadedRuns;
  readonly redisUrl: string;
  readonly authArgs: readonly string[];
};

/** POST /auth/login of distinct users, limits raised, against the verification of the password alone. */
export function signInBar(tenants: readonly SampleTenant[], options: SignInOptions): Bar {
  const middle = Math.ceil(tenants.length / 2);
  const questions = tenants.map((tenant): Question => ({ tenant, runId: tenant.runIds[0] ?? "" }));
  const ours = authActionsSide(options);
  return {
    id: "P15",
    title: "sign-in with e-mail and password",
    connections: CONNECTIONS,
    ours,
    references: [{ side: argon2Side(), gate: 0.7 }],
    skipped: [],
    warmUp: questions.slice(0, middle),
    measured: questions.slice(middle),
    inspect: (freePort) => inspect(ours, questions, options.data.url, freePort),
  };
}

function authActionsSide({ data, redisUrl, authArgs }: SignInOptions): Side {
  const keyring = JSON.stringify({ current: "bench", keys: { bench: randomBytes(32).toString("base64") } });
  let prepared = false;
  return {
    name: "auth-actions",
    async start(port) {
      if (!prepared) await givePasswords(data.url);
      prepared = true;
      const env = {
        LOG_LEVEL: "warn",
        DATABASE_URL: data.authUrl,
        REDIS_URL: redisUrl,
        KEYRING: keyring,
        HASURA_ACTION_SECRET: "a-secret-of-the-bench",
        HASURA_EVENT_SECRET: "a-secret-of-the-bench",
        JWT_ISSUER: "https://bench.example",
        APP_URL: "https://bench.example",
        MAIL_FROM: "bench@bench.example",
        SMTP_URL: "smtp://127.0.0.1:1",
        AUTH_LIMIT_FACTOR: "1000000",
      };
      return startChild({ name: "auth-actions", args: authArgs, env, port, readyPath: "/ready" });
    },
    request: ({ tenant }) => ({
      path: "/auth/login",
      headers: JSON_TYPE,
      body: JSON.stringify({ email: emailOf(tenant.userId), password: PASSWORD }),
    }),
    answerBegins: '{"accessToken":"',
    rows: (body) => z.object({ accessToken: z.string() }).safeParse(body).success,
  };
}

function argon2Side(): Side {
  const script = join(import.meta.dirname, "../floors/argon2.server.ts");
  return {
    name: "argon2",
    start: (port) => startChild({ name: "argon2", args: [script], env: { PASSWORD_HASH }, port, readyPath: "/ready" }),
    request: () => ({ path: "/verify", headers: JSON_TYPE, body: JSON.stringify({ password: PASSWORD }) }),
    answerBegins: '{"verified":true',
    rows: (body) => z.object({ verified: z.literal(true) }).safeParse(body).success,
  };
}

const emailOf = (userId: string): string => `${userId}@example.com`;

async function givePasswords(url: string): Promise<void> {
  await query(url, "update users set email = id::text || '@example.com', password_hash = $1", [PASSWORD_HASH]);
}

/** Every sign-in is one session row, and the event loop stays free for others meanwhile. */
async function inspect(
  side: Side,
  questions: readonly Question[],
  url: string,
  freePort: () => Promise<number>,
): Promise<string | undefined> {
  const child = await side.start(await freePort());
  try {
    const before = await countSessions(url);
    // The first look at the gauge begins its time anew.
    await lagOf(child.url);
    let asked = 0;
    const client = async (): Promise<void> => {
      while (asked < INSPECTED) {
        const question = questions[asked % questions.length];
        asked += 1;
        if (question !== undefined) await ask(child.url, side, question);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, client));
    const lag = await lagOf(child.url);
    const sessions = (await countSessions(url)) - before;
    if (sessions !== asked) return `${asked} sign-ins made ${sessions} sessions`;
    return lag <= LAG_SECONDS_MAX ? undefined : `the event loop was late by ${(lag * 1000).toFixed(1)} ms (p99)`;
  } finally {
    await child.stop();
  }
}

/** By how much the event loop was late, at the 99th percentile since the last look. */
async function lagOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const between = /^nodejs_eventloop_lag_p99_seconds(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1] ?? Number.NaN;
  return Number(between) - LOOK_EVERY_SECONDS;
}

async function countSessions(url: string): Promise<number> {
  const [row] = await query(url, "select count(*)::int as sessions from internal.sessions");
  return z.object({ sessions: z.int() }).parse(row).sessions;
}
