import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import { type ConstDirectiveNode, type InputValueDefinitionNode, Kind, parse } from "graphql";
import { checkForwarding, checkHeaders, checkUrl, missing, notInTwin, sameSet } from "./endpoint-rules.ts";
import type { Finding } from "./finding.ts";
import type { MetadataShape } from "./metadata-shape.ts";
import { type PermissionsTwin, roleOfLetter } from "./permissions-twin.ts";

type RootArgument = { field: string; argument: InputValueDefinitionNode };

/** Remote schemas: address, secret, roles, and in each role's SDL the presets a client may neither see nor change. */
export function checkRemoteSchemas(metadata: MetadataShape, twin: PermissionsTwin): Finding[] {
  return [
    ...metadata.remote_schemas.flatMap((remote, index): Finding[] => {
      const place = ["remote_schemas", index];
      const cell = twin.remote_schemas[remote.name];
      if (cell === undefined) return [notInTwin(place, `remote schema ${remote.name}`)];
      const { definition } = remote;
      return [
        ...sameSet(
          remote.permissions.map(({ role }) => role),
          cell.roles.map((letter) => roleOfLetter(twin, letter)),
          { place: [...place, "permissions"], rule: "remote-schema-differs" },
        ),
        ...checkUrl(definition.url, `{{${cell.service}}}${cell.path}`, [...place, "definition", "url"]),
        ...checkHeaders(definition.headers, twin.secret_headers.remote_schemas, [...place, "definition", "headers"]),
        ...checkForwarding(definition.forward_client_headers, [...place, "definition"]),
        ...remote.permissions.flatMap((permission, permissionIndex) =>
          checkPresets(
            permission.definition.schema,
            cell.presets,
            jsonPointer(...place, "permissions", permissionIndex, "definition", "schema"),
          ),
        ),
      ];
    }),
    ...missing(
      Object.keys(twin.remote_schemas),
      metadata.remote_schemas.map(({ name }) => name),
      "/remote_schemas",
    ),
  ];
}

function checkPresets(sdl: string, presets: Readonly<Record<string, string>>, pointer: string): Finding[] {
  const found = rootArguments(sdl);
  if (found === undefined) return [{ pointer, rule: "shape", message: "is not a GraphQL schema document" }];
  const tenantArguments = found
    .filter(({ argument }) => argument.name.value === "tenantId")
    .map(({ field }) => `${field}.tenantId`);
  const expected = { ...Object.fromEntries(tenantArguments.map((name) => [name, "x-hasura-tenant-id"])), ...presets };
  return Object.entries(expected).flatMap(([name, variable]): Finding[] => {
    const argument = found.find(
      (candidate) => `${candidate.field}.${candidate.argument.name.value}` === name,
    )?.argument;
    if (argument !== undefined && presetOf(argument)?.toLowerCase() === variable) return [];
    return [{ pointer, rule: "tenant-preset", message: `${name} must be preset to ${variable}` }];
  });
}

/** Arguments of all root fields, or undefined when the text is no SDL. */
function rootArguments(sdl: string): RootArgument[] | undefined {
  try {
    return parse(sdl).definitions.flatMap((definition) => {
      if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) return [];
      if (!["Query", "Mutation", "Subscription"].includes(definition.name.value)) return [];
      return (definition.fields ?? []).flatMap((field) =>
        (field.arguments ?? []).map((argument) => ({ field: field.name.value, argument })),
      );
    });
  } catch {
    return undefined;
  }
}

/** The session variable of `@preset(value: "x-hasura-…")`; a `static` preset is a literal and names none. */
function presetOf(argument: InputValueDefinitionNode): string | undefined {
  const preset = argument.directives?.find((directive) => directive.name.value === "preset");
  if (preset === undefined || isStatic(preset)) return undefined;
  const value = preset.arguments?.find(({ name }) => name.value === "value")?.value;
  return value?.kind === Kind.STRING ? value.value : undefined;
}

function isStatic(preset: ConstDirectiveNode): boolean {
  const value = preset.arguments?.find(({ name }) => name.value === "static")?.value;
  return value?.kind === Kind.BOOLEAN && value.value;
}
