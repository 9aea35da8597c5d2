import {
  databaseConfig,
  hasuraActionSecret,
  httpConfig,
  keyConfig,
  keyProblems,
  readConfig,
} from "@control-plane/service-kit";
import { z } from "zod";

const perWindow = z.coerce.number().int().min(0).max(1_000_000);

export const configSchema = z.object({
  ...httpConfig,
  ...databaseConfig,
  ...keyConfig,
  ...hasuraActionSecret,
  HOOKS_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !text.endsWith("/"), "must not end with a slash")
    .describe("origin under which senders reach this gateway, without trailing slash"),
  HOOK_BODY_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(1)
    // No run's input is larger.
    .max(1_048_576)
    .default(1_048_576)
    .describe("largest webhook body, in bytes; 1 MiB at most"),
  HOOK_RATE_PER_PATH: perWindow
    .default(100)
    .describe("requests per 10 s and webhook path in this process; 0 = no limit"),
  HOOK_RATE_PER_ADDRESS: perWindow
    .default(300)
    .describe("requests per 10 s and sender address in this process; 0 = no limit"),
});

export type Config = Readonly<z.infer<typeof configSchema>>;

export function loadConfig(env: NodeJS.ProcessEnv): Config {
  return readConfig("webhook-gateway", configSchema, env, [keyProblems]);
}
