import type { ActionMetadata } from "../metadata/action-metadata.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { ResolvedCustomTypes } from "./custom-types.ts";
import { type Env, fillUrl, resolveHeaders } from "./env-templates.ts";
import type { Inconsistencies } from "./inconsistency.ts";
import type { Action } from "./model.ts";
import { requireGraphqlName } from "./names.ts";
import { claim, type RootFieldOwners } from "./table-drafts.ts";

type Input = {
  readonly metadata: Metadata;
  readonly env: Env;
  readonly customTypes: ResolvedCustomTypes;
  readonly inconsistencies: Inconsistencies;
  readonly owners: RootFieldOwners;
};

const TIMEOUT_SECONDS_DEFAULT = 30;

export function resolveActions({ metadata, env, customTypes, inconsistencies, owners }: Input): Action[] {
  return metadata.actions.flatMap((entry) => {
    const object = { type: "action", name: entry.name, definition: entry };
    return inconsistencies.attempt(object, () => resolveAction(entry, env, customTypes, owners)) ?? [];
  });
}

function resolveAction(
  entry: ActionMetadata,
  env: Env,
  { requireType }: ResolvedCustomTypes,
  owners: RootFieldOwners,
): Action {
  const { name, definition, permissions, comment } = entry;
  requireGraphqlName(name, "the action name");
  for (const argument of definition.arguments) {
    requireGraphqlName(argument.name, "the argument name");
    requireType(argument.type, "input", `argument "${argument.name}"`);
  }
  requireType(definition.output_type, "output", "the action's output");
  const action: Action = {
    name,
    operation: definition.type,
    comment,
    arguments: definition.arguments.map(({ name, type, description }) => ({ name, type, description })),
    outputType: definition.output_type,
    url: fillUrl(definition.handler, env),
    writtenUrl: definition.handler,
    headers: resolveHeaders(definition.headers, env),
    forwardClientHeaders: definition.forward_client_headers,
    ignoredClientHeaders: definition.ignored_client_headers,
    timeoutSeconds: definition.timeout ?? TIMEOUT_SECONDS_DEFAULT,
    roles: new Set(permissions.map(({ role }) => role)),
  };
  claim([`${definition.type} ${name}`], `action ${name}`, owners);
  return action;
}
