// Prints an `.env` for docker-compose.yml with fresh random secrets: `node infra/docker/make-env.mjs > .env`.
// Keep the result: KEYRING wraps every stored secret, and the passwords belong to the volumes made with them.
import { randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";

const secret = () => randomBytes(32).toString("base64url");

/** Every variable docker-compose.yml requires. */
export function makeEnvironment() {
  return {
    POSTGRES_PASSWORD: secret(),
    CP_HASURA_PASSWORD: secret(),
    CP_AUTH_PASSWORD: secret(),
    CP_GATEWAY_PASSWORD: secret(),
    CP_ORCHESTRATOR_PASSWORD: secret(),
    CP_LOGS_PASSWORD: secret(),
    REDIS_PASSWORD: secret(),
    MONGO_PASSWORD: secret(),
    KEYRING: JSON.stringify({ current: "k1", keys: { k1: randomBytes(32).toString("base64") } }),
    HASURA_GRAPHQL_ADMIN_SECRET: secret(),
    HASURA_ACTION_SECRET: secret(),
    HASURA_EVENT_SECRET: secret(),
    LOGS_SCHEMA_SECRET: secret(),
    RUNNER_TOKEN: secret(),
    OPS_SECRET: secret(),
    JWT_ISSUER: "https://auth.control-plane.local",
    HOOKS_PUBLIC_URL: "http://localhost",
    CORS_ORIGINS: "http://localhost:3000",
    SMTP_URL: "smtp://mailpit:1025",
    MAIL_FROM: "Control plane <no-reply@control-plane.local>",
    APP_URL: "http://localhost:3000",
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, value] of Object.entries(makeEnvironment())) console.log(`${name}='${value}'`);
}
