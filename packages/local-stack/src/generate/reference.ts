import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configSchema as authActions } from "@control-plane/auth-actions/config";
import { LOGIN_ROLES } from "@control-plane/db";
import { HASURA_ERROR_CODES } from "@control-plane/hasura-engine";
import { configSchema as logsSchema } from "@control-plane/logs-schema/config";
import { configSchema as orchestrator } from "@control-plane/orchestrator/config";
import { renderEnvExample, renderEnvironmentPage, renderErrorsPage } from "@control-plane/service-kit";
import { configSchema as webhookGateway } from "@control-plane/webhook-gateway/config";
import { rootDir } from "../clone.ts";

// .env.example and the references under docs/ that say what the code says.
const services = {
  "auth-actions": authActions,
  "webhook-gateway": webhookGateway,
  orchestrator,
  "logs-schema": logsSchema,
};

/** Where other settings stand. */
const ELSEWHERE = {
  "runner-python": ["its settings", "apps/runner-python/README.md#settings"],
  "the embedded engine": ["its settings", "packages/hasura-engine/README.md"],
  "the proxy": ["its Caddyfile", "infra/proxy/Caddyfile"],
  "`npm start` and the tests": ["your own servers", "README.md#your-own-servers"],
} as const;

mkdirSync(join(rootDir, "docs"), { recursive: true });
writeFileSync(join(rootDir, ".env.example"), renderEnvExample(services));
writeFileSync(join(rootDir, "docs/environment.md"), `${renderEnvironmentPage(services)}\n${elsewhere()}`);
writeFileSync(join(rootDir, "docs/errors.md"), `${renderErrorsPage()}\n${hasuraCodes()}`);

/** What is no service of ours with a `config.ts`. */
function elsewhere(): string {
  const passwords = LOGIN_ROLES.map((role) => `\`${role.toUpperCase()}_PASSWORD\``).join(", ");
  return [
    "## db:migrate",
    "",
    "| variable | required | default | meaning |",
    "|---|---|---|---|",
    "| `DATABASE_URL` | yes |  | PostgreSQL, as an account that may create roles and owns the database |",
    `| ${passwords} |  |  | passwords that the login roles get; without one a role keeps its own |`,
    "",
    "## Elsewhere",
    "",
    ...Object.entries(ELSEWHERE).map(([what, [text, path]]) => `- ${what}: [${text}](../${path})`),
    "",
  ].join("\n");
}

/** What a client of the API hears beside our own codes. */
function hasuraCodes(): string {
  const rows = Object.entries(HASURA_ERROR_CODES).map(([code, means]) => `| \`${code}\` | ${means} |`);
  return [
    "## Hasura's own",
    "",
    "Generated from `packages/hasura-engine/src/hasura-error.ts`. `POST /v1/graphql` answers 200 with",
    "`{ errors: [{ message, extensions: { code, path } }] }`, here in lower case and without a `requestId`; the header `x-request-id` of the",
    "answer names the request.",
    "",
    "| code | means |",
    "|---|---|",
    ...rows,
    "",
  ].join("\n");
}
