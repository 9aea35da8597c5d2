import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configSchema as authActions } from "@control-plane/auth-actions/config";
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
writeFileSync(join(rootDir, "docs/errors.md"), renderErrorsPage());
