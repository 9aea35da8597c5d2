import { isIP } from "node:net";
import { z } from "zod";
import { parseFailpoints } from "./failpoint.ts";

/** The parts of a comma-separated setting, without blanks. */
export const commaList = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

const secretList = z
  .string()
  .transform(commaList)
  .pipe(z.array(z.string().min(16, "each secret has at least 16 characters")).min(1, "at least one secret"));

function isProxyAddress(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

export const failpointConfig = {
  FAILPOINTS: z
    .string()
    .default("")
    .transform((text, context) => {
      const armed = parseFailpoints(text);
      if (typeof armed !== "string") return armed;
      context.addIssue({ code: "custom", message: armed });
      return z.NEVER;
    })
    .describe("fault tests only, refused in production: places at which this process dies, hangs, fails or waits"),
};

/** A failpoint that is left in a deployment by mistake must not wait for its day. */
function failpointProblems(given: GivenSettings): ConfigProblem[] {
  if (given["FAILPOINTS"] === undefined || given["NODE_ENV"] !== "production") return [];
  return [{ name: "FAILPOINTS", message: "is set, and NODE_ENV=production allows none" }];
}

export const httpConfig = {
  ...failpointConfig,
  HOST: z.string().default("127.0.0.1").describe("address to listen on"),
  PORT: z.coerce.number().int().min(0).max(65_535).describe("port to listen on; 0 takes any free one"),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("least level that is logged"),
  TRUSTED_PROXIES: z
    .string()
    .default("")
    .transform(commaList)
    .pipe(z.array(z.string().refine(isProxyAddress, "each is an IP address or a CIDR, as 10.0.0.0/8")))
    .describe("addresses or CIDRs whose X-Forwarded-For is believed, comma-separated"),
};

export const databaseConfig = {
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).describe("PostgreSQL, as this service's own login role"),
  DATABASE_POOL_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(10)
    .describe(
      "most connections to PostgreSQL for each kind of work (requests, intake, runners); loops and bulk actions have 4 more each",
    ),
  DATABASE_WAIT_MS_MAX: z.coerce
    .number()
    .int()
    .min(500)
    .max(120_000)
    .default(2_000)
    .describe(
      "longest a request waits for PostgreSQL before it is answered 503; connections, locks and statements get their shares of it",
    ),
};

export const redisConfig = {
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).describe("Redis for BullMQ; policy noeviction, AOF on"),
  QUEUE_PREFIX: z
    .string()
    .regex(/^(?:[A-Za-z0-9_-]{1,64}|\{[A-Za-z0-9_-]{1,62}\})$/)
    .default("bull")
    .describe("prefix of the queues' keys, as it is or as a hash tag in braces; the same in orchestrator and runners"),
};

export const mongoConfig = {
  MONGODB_URL: z
    .url({ protocol: /^mongodb(\+srv)?$/ })
    .refine((text) => new URL(text).pathname.length > 1, "must name the database in its path")
    .describe("MongoDB with the execution logs; its path names the database"),
};

export const keyConfig = {
  KEY_PROVIDER: z.enum(["local", "vault"]).default("local").describe("what wraps the data keys"),
  KEYRING: z.string().optional().describe("local: the keyring as JSON, {current, keys}"),
  KEYRING_FILE: z.string().optional().describe("local: a file with the keyring"),
  VAULT_ADDR: z.url().optional().describe("vault: address"),
  VAULT_TOKEN: z.string().optional().describe("vault: token"),
  VAULT_TOKEN_FILE: z.string().optional().describe("vault: a file with the token"),
  VAULT_TRANSIT_KEY: z.string().optional().describe("vault: name of the transit key"),
  VAULT_NAMESPACE: z.string().optional().describe("vault: namespace"),
};

export const hasuraActionSecret = {
  HASURA_ACTION_SECRET: secretList.describe(
    "what Hasura sends in x-action-secret; a comma-separated list while it is being changed",
  ),
};

export const hasuraEventSecret = {
  HASURA_EVENT_SECRET: secretList.describe(
    "what Hasura sends in x-event-secret; a comma-separated list while it is being changed",
  ),
};

export type ConfigProblem = { name: string; message: string };
/** The environment without blanks. */
export type GivenSettings = Readonly<Record<string, string | undefined>>;

/** What the chosen key provider still lacks; settings that depend on each other are not a field's own business. */
export function keyProblems(given: GivenSettings): ConfigProblem[] {
  const twice = [
    ["KEYRING", "KEYRING_FILE"],
    ["VAULT_TOKEN", "VAULT_TOKEN_FILE"],
  ] as const;
  const both = twice.filter(([text, file]) => given[text] !== undefined && given[file] !== undefined);
  if (both.length > 0) return both.map(([text, file]) => ({ name: text, message: `is set beside ${file}; unset one` }));
  if (given["KEY_PROVIDER"] === "vault") {
    const missing = ["VAULT_ADDR", "VAULT_TRANSIT_KEY"].filter((name) => given[name] === undefined);
    const noToken = given["VAULT_TOKEN"] === undefined && given["VAULT_TOKEN_FILE"] === undefined;
    return [...missing, ...(noToken ? ["VAULT_TOKEN or VAULT_TOKEN_FILE"] : [])].map((name) => ({
      name,
      message: "is not set, and KEY_PROVIDER=vault needs it",
    }));
  }
  const hasKeyring = given["KEYRING"] !== undefined || given["KEYRING_FILE"] !== undefined;
  return hasKeyring
    ? []
    : [{ name: "KEYRING or KEYRING_FILE", message: "is not set, and KEY_PROVIDER=local needs it" }];
}

/**
 * Reads a service's settings. Blank means unset. All problems are printed together, without the values, then the process
 * ends with 1. The result cannot be changed.
 * @param checks problems between settings
 */
export function readConfig<S extends z.ZodObject>(
  service: string,
  schema: S,
  env: NodeJS.ProcessEnv,
  checks: readonly ((given: GivenSettings) => ConfigProblem[])[] = [],
): Readonly<z.infer<S>> {
  const given: GivenSettings = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ""),
  );
  const parsed = schema.safeParse(given);
  const problems: ConfigProblem[] = [
    ...(parsed.error?.issues ?? []).map(({ path, message }) => {
      const name = String(path[0] ?? "");
      return { name, message: given[name] === undefined ? "is not set" : message };
    }),
    ...[failpointProblems, ...checks].flatMap((check) => check(given)),
  ];
  if (parsed.success && problems.length === 0) return Object.freeze(parsed.data);
  const lines = problems.map(({ name, message }) => `  ${name}: ${message}`);
  process.stderr.write(
    `${service}: the environment does not fit (docs/environment.md lists every setting):\n${[...new Set(lines)].join("\n")}\n`,
  );
  process.exit(1);
}

export type ConfigEntry = { name: string; description: string; required: boolean; defaultText: string | undefined };

/** What docs/environment.md and .env.example say of one service. */
export function configReference(schema: z.ZodObject): ConfigEntry[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const withoutValue = field.safeParse(undefined);
    const value: unknown = withoutValue.success ? withoutValue.data : undefined;
    return {
      name,
      description: field.description ?? "",
      required: !withoutValue.success,
      defaultText: value === undefined ? undefined : Array.isArray(value) ? value.join(",") : String(value),
    };
  });
}

export function renderEnvironmentPage(services: Readonly<Record<string, z.ZodObject>>): string {
  const sections = Object.entries(services).flatMap(([service, schema]) => [
    `## ${service}`,
    "",
    "| variable | required | default | meaning |",
    "|---|---|---|---|",
    ...configReference(schema).map(
      ({ name, description, required, defaultText }) =>
        `| \`${name}\` | ${required ? "yes" : ""} | ${defaultText ? `\`${defaultText}\`` : ""} | ${description} |`,
    ),
    "",
  ]);
  return [
    "# Environment",
    "",
    "Generated from each service's `src/config.ts` by `npm run gen`. Blank means unset; secrets have no defaults.",
    "",
    ...sections,
  ].join("\n");
}

export function renderEnvExample(services: Readonly<Record<string, z.ZodObject>>): string {
  const sections = Object.entries(services).flatMap(([service, schema]) => [
    `# ${service}`,
    ...configReference(schema).flatMap(({ name, description, required, defaultText }) => [
      `# ${description}`,
      `${required ? "" : "# "}${name}=${defaultText ?? ""}`,
    ]),
    "",
  ]);
  return [
    "# Generated by `npm run gen`: every setting of every service. `npm start` makes its own; this is for running a service alone.",
    "",
    ...sections,
  ].join("\n");
}
