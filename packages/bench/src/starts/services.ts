import { join } from "node:path";
import { processorSeconds } from "@control-plane/local-stores";
import type { Start } from "../bars/start-bar.ts";
import { builtProgram, startChild, workDir } from "../child.ts";
import { urlAs } from "../data/server.ts";

export type ServiceStores = {
  databaseUrl: string;
  redisUrl: string;
  /** With a database's name. */
  mongoUrl: string;
  keyring: string;
};

const SECRET = "a-secret-of-the-bench";
const ACTIONS = { HASURA_ACTION_SECRET: SECRET };
const EVENTS = { HASURA_EVENT_SECRET: SECRET };

/** The services with the settings that they cannot do without. */
export function servicesOf({ databaseUrl, redisUrl, mongoUrl, keyring }: ServiceStores) {
  return {
    "auth-actions": {
      ...ACTIONS,
      ...EVENTS,
      DATABASE_URL: urlAs(databaseUrl, "cp_auth"),
      REDIS_URL: redisUrl,
      KEYRING: keyring,
      JWT_ISSUER: "https://bench.example",
      APP_URL: "https://bench.example",
      MAIL_FROM: "bench@bench.example",
      SMTP_URL: "smtp://127.0.0.1:1",
    },
    "webhook-gateway": {
      ...ACTIONS,
      DATABASE_URL: urlAs(databaseUrl, "cp_gateway"),
      KEYRING: keyring,
      HOOKS_PUBLIC_URL: "https://bench.example",
    },
    orchestrator: {
      ...ACTIONS,
      ...EVENTS,
      DATABASE_URL: urlAs(databaseUrl, "cp_orchestrator"),
      REDIS_URL: redisUrl,
      RUNNER_TOKENS: "the-runner-token-of-the-bench",
      AUTH_ACTIONS_URL: "http://127.0.0.1:1",
    },
    "logs-schema": {
      DATABASE_URL: urlAs(databaseUrl, "cp_logs"),
      MONGODB_URL: mongoUrl,
      LOGS_SCHEMA_SECRET: SECRET,
    },
  } as const;
}

/** From the start of the process until `/ready` answers 200. */
export async function measureService(
  name: string,
  env: Readonly<Record<string, string>>,
  freePort: () => Promise<number>,
): Promise<Start> {
  const args = builtProgram(`apps/${name}/dist/main.js`);
  const port = await freePort();
  const startedAt = performance.now();
  // As in the image, which brings what Node compiled; the start that is not counted makes it.
  const compiled = { NODE_COMPILE_CACHE: join(workDir, "compile-cache") };
  const child = await startChild({
    name: `start-of-${name}`,
    args,
    env: { ...env, ...compiled },
    port,
    readyPath: "/ready",
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const worked = await processorSeconds(child.processId).catch(() => undefined);
  await child.stop();
  return { seconds, processorSeconds: worked };
}
