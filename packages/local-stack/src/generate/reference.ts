import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configSchema as authActions } from "@control-plane/auth-actions/config";
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

mkdirSync(join(rootDir, "docs"), { recursive: true });
writeFileSync(join(rootDir, ".env.example"), renderEnvExample(services));
writeFileSync(join(rootDir, "docs/environment.md"), renderEnvironmentPage(services));
writeFileSync(join(rootDir, "docs/errors.md"), `${renderErrorsPage()}\n${hasuraCodes()}`);

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
