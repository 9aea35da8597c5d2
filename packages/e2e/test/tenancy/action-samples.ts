import { randomBytes } from "node:crypto";
import type { MirroredTenant } from "./mirrored-tenant.ts";
import type { TrackedAction } from "./tracked-tables.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** For each Hasura action: arguments with which it works for members of the tenant whose rows they name. */
const SAMPLES: Readonly<Record<string, (rows: MirroredTenant) => Arguments>> = {
  cancelRun: (rows) => ({ runId: rows.shown("workflow_runs", "owner") }),
  createWebhookTrigger: (rows) => ({
    workflowId: rows.shown("workflows", "owner"),
    name: "hook",
    scheme: "STANDARD_WEBHOOKS",
  }),
  login: ({ users: { owner }, tenant }) => ({
    email: owner.email,
    password: owner.password,
    tenantSlug: tenant.slug,
  }),
  publishWorkflowVersion: ({ drafts }) => ({ workflowId: drafts.get("drafted workflow"), dryRun: true }),
  registerUserAndTenant() {
    const tag = randomBytes(4).toString("hex");
    return { email: `${tag}@example.com`, password: `a long password of ${tag}`, name: tag, tenantName: tag };
  },
  runWorkflow: (rows) => ({ workflowId: rows.shown("workflows", "owner") }),
};

/** Throws for an action without a sample. */
export function sampleArguments(action: TrackedAction, rows: MirroredTenant): Arguments {
  const sample = SAMPLES[action.name];
  if (sample === undefined) throw new Error(`${action.name} is a Hasura action: give arguments for it here`);
  return sample(rows);
}

/** Names of the arguments that name objects. */
export function idArguments(action: TrackedAction): string[] {
  return action.arguments.filter(({ type }) => /^uuid!?$/.test(type)).map(({ name }) => name);
}

/** The call of an action with variables for `given`. */
export function actionCall(action: TrackedAction, given: Arguments): string {
  const used = action.arguments.filter(({ name }) => Object.hasOwn(given, name));
  const declared = used.map(({ name, type }) => `$${name}: ${type}`).join(", ");
  return `${action.type}(${declared}) { ${action.name}(${used.map(({ name }) => `${name}: $${name}`).join(", ")}) { __typename } }`;
}
