import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Kind, parse as parseSdl, print } from "graphql";
import { parse } from "yaml";
import { z } from "zod";

export const repository = fileURLToPath(new URL("../../../", import.meta.url));

const namedSchema = z.looseObject({ name: z.string() });
const actionsSchema = z.object({
  actions: z.array(z.looseObject({ name: z.string(), definition: z.looseObject({}) })),
  custom_types: z.object({
    enums: z.array(namedSchema),
    input_objects: z.array(namedSchema),
    objects: z.array(namedSchema),
    scalars: z.array(namedSchema),
  }),
});

export function readShippedTwin(): unknown {
  return parse(readFileSync(join(repository, "hasura/permissions.yaml"), "utf8"));
}

export function readShippedMetadata(): Record<string, unknown> {
  const directory = join(repository, "hasura/metadata");
  const read = (name: string) => readYaml(join(directory, name));
  return {
    version: 3,
    sources: read("databases/databases.yaml"),
    ...joinActions(actionsSchema.parse(read("actions.yaml")), readFileSync(join(directory, "actions.graphql"), "utf8")),
    remote_schemas: read("remote_schemas.yaml"),
    cron_triggers: read("cron_triggers.yaml"),
    graphql_schema_introspection: read("graphql_schema_introspection.yaml"),
    allowlist: read("allow_list.yaml"),
    inherited_roles: read("inherited_roles.yaml"),
    query_collections: read("query_collections.yaml"),
    rest_endpoints: read("rest_endpoints.yaml"),
  };
}

function readYaml(file: string): unknown {
  const resolveIncludes = (value: unknown): unknown => {
    if (typeof value === "string" && value.startsWith("!include ")) {
      return readYaml(join(dirname(file), value.slice("!include ".length)));
    }
    if (Array.isArray(value)) return value.map(resolveIncludes);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveIncludes(item)]));
  };
  return resolveIncludes(parse(readFileSync(file, "utf8")));
}

function joinActions({ actions, custom_types: types }: z.infer<typeof actionsSchema>, sdl: string) {
  const definitions = parseSdl(sdl).definitions.filter((node) => node.kind === Kind.OBJECT_TYPE_DEFINITION);
  const fieldsOf = (name: string) => definitions.find((node) => node.name.value === name)?.fields ?? [];
  return {
    actions: actions.map((action) => {
      const field = fieldsOf("Mutation").find((candidate) => candidate.name.value === action.name);
      if (field === undefined) throw new Error(`action ${action.name} is not present in actions.graphql`);
      return {
        ...action,
        definition: {
          ...action.definition,
          type: "mutation",
          arguments: field.arguments?.map((argument) => ({ name: argument.name.value, type: print(argument.type) })),
          output_type: print(field.type),
        },
      };
    }),
    custom_types: {
      ...types,
      objects: types.objects.map((object) => ({
        ...object,
        fields: fieldsOf(object.name).map((field) => ({ name: field.name.value, type: print(field.type) })),
      })),
    },
  };
}
