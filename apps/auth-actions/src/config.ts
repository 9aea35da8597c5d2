import { egressConfig } from "@control-plane/egress";
import {
  type ConfigProblem,
  commaList,
  databaseConfig,
  hasuraActionSecret,
  hasuraEventSecret,
  httpConfig,
  keyConfig,
  keyProblems,
  readConfig,
  redisConfig,
} from "@control-plane/service-kit";
import addressParser from "nodemailer/lib/addressparser";
import { z } from "zod";

/** As a browser sends it: scheme, host, and port where it is not the scheme's own. */
const originSchema = z
  .url({ protocol: /^https?$/ })
  .refine((text) => new URL(text).origin === text, "is not an origin: no path, no slash at the end");

/** Mail goes to a server; without one, in development, into files. */
const mailConfig = {
  SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .optional()
    .describe(
      "mail server; `smtps:` encrypts from the start, `smtp:` when the server offers it, `?requireTLS=true` or not at all",
    ),
  MAIL_DIR: z
    .string()
    .optional()
    .describe("development, without SMTP_URL: mails become files of this directory, and their secret links are logged"),
  MAIL_FROM: z.string().max(320).refine(isOneAddress, "is not one address").describe("sender of all mail"),
  APP_URL: z.url({ protocol: /^https?$/ }).describe("front end that the links in mails lead to"),
};

function isOneAddress(text: string): boolean {
  const [first, ...more] = addressParser(text, { flatten: true });
  return more.length === 0 && z.email().safeParse(first?.address).success;
}

export const configSchema = z.object({
  ...httpConfig,
  ...databaseConfig,
  ...keyConfig,
  ...hasuraActionSecret,
  ...hasuraEventSecret,
  ...egressConfig,
  ...mailConfig,
  REDIS_URL: redisConfig.REDIS_URL.optional().describe(
    "Redis for the limits of sign-in that all replicas share; needed in production, without it each process counts alone",
  ),
  QUEUE_PREFIX: redisConfig.QUEUE_PREFIX.describe("prefix of the keys in Redis"),
  AUTH_LIMIT_FACTOR: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(1)
    .describe("multiplies every limit of sign-in, for load tests and for many people behind one address"),
  JWT_ISSUER: z.url().describe("`iss` of every access token; the engine's JWT secret names the same"),
  CORS_ORIGINS: z
    .string()
    .default("")
    .transform(commaList)
    .pipe(z.array(z.union([z.literal("loopback"), originSchema])))
    .describe(
      "origins of front ends that may call /auth/* from a browser, comma-separated; `loopback`: every page of this machine, for development",
    ),
});

export type Config = Readonly<z.infer<typeof configSchema>>;

export function loadConfig(env: NodeJS.ProcessEnv): Config {
  return readConfig("auth-actions", configSchema, env, [keyProblems, redisProblems, mailProblems]);
}

/** In production there is more than one replica, and their limits are one. */
function redisProblems(given: Readonly<Record<string, string | undefined>>): ConfigProblem[] {
  if (given["NODE_ENV"] !== "production" || given["REDIS_URL"] !== undefined) return [];
  return [{ name: "REDIS_URL", message: "is not set, and NODE_ENV=production needs it" }];
}

/** The links that MAIL_DIR puts into the log are secrets, so production has a mail server or does not start. */
function mailProblems(given: Readonly<Record<string, string | undefined>>): ConfigProblem[] {
  if (given["SMTP_URL"] !== undefined) return [];
  if (given["NODE_ENV"] === "production")
    return [{ name: "SMTP_URL", message: "is not set, and NODE_ENV=production needs it" }];
  if (given["MAIL_DIR"] !== undefined) return [];
  return [{ name: "SMTP_URL", message: "is not set; development may set MAIL_DIR instead" }];
}
