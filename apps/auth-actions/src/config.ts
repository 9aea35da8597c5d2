import {
  databaseConfig,
  hasuraSecrets,
  httpConfig,
  keyConfig,
  keyProblems,
  readConfig,
} from "@control-plane/service-kit";
import { z } from "zod";

export const configSchema = z.object({
  ...httpConfig,
  ...databaseConfig,
  ...keyConfig,
  ...hasuraSecrets,
  JWT_ISSUER: z.url().describe("`iss` of every access token; the engine's JWT secret names the same"),
  CORS_ORIGINS: z
    .string()
    .default("")
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(z.url()))
    .describe("origins of front ends that may call /auth/* from a browser, comma-separated"),
});

export type Config = Readonly<z.infer<typeof configSchema>>;

export function loadConfig(env: NodeJS.ProcessEnv): Config {
  return readConfig("auth-actions", configSchema, env, [keyProblems]);
}
