import { databaseConfig, httpConfig, mongoConfig, readConfig } from "@control-plane/service-kit";
import { z } from "zod";

export const configSchema = z.object({
  ...httpConfig,
  ...databaseConfig,
  ...mongoConfig,
  LOGS_WAIT_MS_MAX: z.coerce
    .number()
    .int()
    .min(100)
    .max(120_000)
    .default(1_500)
    .describe("longest a page of logs waits for MongoDB and PostgreSQL before it says LOGS_UNAVAILABLE"),
  LOGS_SCHEMA_SECRET: z
    .string()
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(z.string().min(16)).min(1))
    .describe("what Hasura sends in x-logs-schema-secret; a comma-separated list while it is being changed"),
});

export type Config = Readonly<z.infer<typeof configSchema>>;

export function loadConfig(env: NodeJS.ProcessEnv): Config {
  return readConfig("logs-schema", configSchema, env);
}

/** What `logs:setup` needs to know. */
export function loadSetupConfig(env: NodeJS.ProcessEnv): { MONGODB_URL: string } {
  return readConfig("logs:setup", z.object(mongoConfig), env);
}
