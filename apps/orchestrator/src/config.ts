import {
  type ConfigProblem,
  databaseConfig,
  hasuraActionSecret,
  hasuraEventSecret,
  httpConfig,
  readConfig,
  redisConfig,
} from "@control-plane/service-kit";
import { z } from "zod";

const seconds = (max: number) => z.coerce.number().positive().max(max);
const milliseconds = z.coerce.number().int().min(50).max(60_000);

export const configSchema = z.object({
  ...httpConfig,
  ...databaseConfig,
  ...redisConfig,
  ...hasuraActionSecret,
  ...hasuraEventSecret,
  RUNNER_TOKENS: z
    .string()
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(z.string().min(16)).min(1))
    .describe("what runners present to claim a run; a comma-separated list while it is being changed"),
  OPS_SECRET: z
    .string()
    .min(16)
    .optional()
    .describe("password of /ops/queues, where operators see the queues; unset, there is no such page"),
  AUTH_ACTIONS_URL: z
    .url({ protocol: /^https?$/ })
    .describe("auth-actions as runners reach it; credentials are fetched there"),
  DISPATCH_WINDOW: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe("most runs with a job at once, over all tenants"),
  DISPATCH_INTERVAL_MS: milliseconds
    .default(1_000)
    .describe("milliseconds between dispatch passes when nothing wakes the loop"),
  SCHEDULE_INTERVAL_MS: milliseconds.default(1_000).describe("milliseconds between looks for schedules that are due"),
  SWEEP_INTERVAL_MS: milliseconds.default(5_000).describe("milliseconds between sweeps"),
  LEASE_SECONDS: seconds(3_600).default(60).describe("seconds a runner holds a run without a sign of life"),
  HEARTBEAT_SECONDS: seconds(600).default(15).describe("seconds between a runner's heartbeats"),
  QUEUED_CHECK_SECONDS: seconds(3_600).default(30).describe("seconds after which a QUEUED run is checked for its job"),
  CANCEL_GRACE_SECONDS: seconds(3_600).default(30).describe("seconds a runner has to obey a cancel request"),
});

export type Config = Readonly<z.infer<typeof configSchema>>;

export function loadConfig(env: NodeJS.ProcessEnv): Config {
  return readConfig("orchestrator", configSchema, env, [leaseProblems]);
}

/** A lease that ends before two heartbeats could come loses runs whose runner is well. */
function leaseProblems(given: Readonly<Record<string, string | undefined>>): ConfigProblem[] {
  const { LEASE_SECONDS: lease, HEARTBEAT_SECONDS: heartbeat } = configSchema.shape;
  const [leaseSeconds, heartbeatSeconds] = [
    lease.safeParse(given["LEASE_SECONDS"]).data,
    heartbeat.safeParse(given["HEARTBEAT_SECONDS"]).data,
  ];
  if (leaseSeconds === undefined || heartbeatSeconds === undefined || leaseSeconds >= 2 * heartbeatSeconds) return [];
  const message = `must be at least twice HEARTBEAT_SECONDS, which is ${heartbeatSeconds}`;
  return [{ name: "LEASE_SECONDS", message }];
}
