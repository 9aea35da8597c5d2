import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type ActionAccess, hasuraRole } from "@control-plane/service-kit";
import { type FieldDefinitionNode, Kind, type NameNode, parse, type TypeNode } from "graphql";
import { parse as parseYaml } from "yaml";
import { z } from "zod";

/** What an app's list of Hasura actions shows of each. */
export type ComparedAction = {
  readonly name: string;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  readonly access: ActionAccess;
};

const metadataDir = resolve(import.meta.dirname, "../../../hasura/metadata");

const headersSchema = z.array(z.object({ name: z.string(), value_from_env: z.string() }));
const actionsSchema = z.object({
  actions: z.array(
    z.object({
      name: z.string(),
      definition: z.object({
        handler: z.string(),
        forward_client_headers: z.literal(false),
        headers: headersSchema,
      }),
      permissions: z.array(z.object({ role: z.string() })),
    }),
  ),
});

/** JSON Schema as far as the comparison reads it. */
type Shape = {
  type?: string | string[] | undefined;
  anyOf?: Shape[] | undefined;
  properties?: Record<string, Shape> | undefined;
  required?: string[] | undefined;
  items?: Shape | undefined;
  enum?: unknown[] | undefined;
  const?: unknown;
};
const shapeSchema: z.ZodType<Shape> = z.lazy(() =>
  z.looseObject({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    anyOf: z.array(shapeSchema).optional(),
    properties: z.record(z.string(), shapeSchema).optional(),
    required: z.array(z.string()).optional(),
    items: shapeSchema.optional(),
    enum: z.array(z.unknown()).optional(),
    const: z.unknown().optional(),
  }),
);

const JSON_TYPES: Readonly<Record<string, readonly string[]>> = {
  Boolean: ["boolean"],
  Int: ["integer"],
  String: ["string"],
  timestamptz: ["string"],
  uuid: ["string"],
};

/**
 * Where an app's Hasura actions and hasura/metadata disagree, as lines; empty when they are the same. `urlVariable`
 * is the variable of the handlers' base URL, which says whose actions they are.
 */
export function findActionDisagreements(urlVariable: string, actions: readonly ComparedAction[]): string[] {
  const prefix = `{{${urlVariable}}}/actions/`;
  const { actions: all } = actionsSchema.parse(parseYaml(readFileSync(resolve(metadataDir, "actions.yaml"), "utf8")));
  const declared = all.filter(({ definition }) => definition.handler.startsWith(prefix));
  const types = readTypes(Kind.OBJECT_TYPE_DEFINITION);
  const inputs = readTypes(Kind.INPUT_OBJECT_TYPE_DEFINITION);
  const fields = new Map(
    ["Mutation", "Query"].flatMap((root) => types.get(root)?.map((field) => [field.name.value, field] as const) ?? []),
  );
  const missing = actions
    .filter(({ name }) => !declared.some((entry) => entry.name === name))
    .map(({ name }) => `${name}: not in actions.yaml`);
  const unknown = declared
    .filter(({ name }) => !actions.some((action) => action.name === name))
    .map(({ name }) => `${name}: in actions.yaml, but not served`);
  return [
    ...missing,
    ...unknown,
    ...declared.flatMap(({ name, definition, permissions }) => {
      const action = actions.find((served) => served.name === name);
      const field = fields.get(name);
      if (action === undefined) return [];
      if (field === undefined) return [`${name}: not in actions.graphql`];
      const roles = hasuraRolesOf(action.access);
      return [
        ...differences(`${name}: handler`, definition.handler, prefix + name),
        ...differences(`${name}: headers`, definition.headers, [
          { name: "x-action-secret", value_from_env: "HASURA_ACTION_SECRET" },
        ]),
        ...differences(`${name}: roles`, permissions.map(({ role }) => role).sort(), [...roles].sort()),
        ...compareInput(name, field, action.input, inputs),
        ...compareType(name, field.type, jsonShape(action.output, "output"), types),
      ];
    }),
  ];
}

function hasuraRolesOf(access: ActionAccess): readonly string[] {
  switch (access.kind) {
    case "anonymous":
      return ["anonymous"];
    case "member":
      return access.roles.map(hasuraRole);
    case "either":
      return ["anonymous", ...access.roles.map(hasuraRole)];
    default:
      return access satisfies never;
  }
}

const webhookSchema = z.looseObject({ name: z.string(), webhook: z.string(), headers: headersSchema });
const cronsSchema = z.array(webhookSchema);
const tableSchema = z.looseObject({ event_triggers: z.array(webhookSchema).default([]) });
const tableFilesSchema = z.array(z.string());

/** The same for event and cron triggers, which name their route in kebab-case and themselves in snake_case. */
export function findTriggerDisagreements(
  urlVariable: string,
  served: {
    readonly events: readonly { readonly name: string }[];
    readonly crons: readonly { readonly name: string }[];
  },
): string[] {
  const tablesDir = resolve(metadataDir, "databases/default/tables");
  const files = tableFilesSchema.parse(parseYaml(readFileSync(resolve(tablesDir, "tables.yaml"), "utf8")));
  const events = files.flatMap((line) => {
    const file = line.replace(/^!include\s+/, "");
    return tableSchema.parse(parseYaml(readFileSync(resolve(tablesDir, file), "utf8"))).event_triggers;
  });
  const crons = cronsSchema.parse(parseYaml(readFileSync(resolve(metadataDir, "cron_triggers.yaml"), "utf8")));
  return [
    ...compareTriggers(urlVariable, "events", events, served.events),
    ...compareTriggers(urlVariable, "crons", crons, served.crons),
  ];
}

function compareTriggers(
  urlVariable: string,
  kind: "events" | "crons",
  declared: readonly z.infer<typeof webhookSchema>[],
  served: readonly { readonly name: string }[],
): string[] {
  const prefix = `{{${urlVariable}}}/${kind}/`;
  const own = declared.filter(({ webhook }) => webhook.startsWith(prefix));
  return [
    ...differences(
      kind,
      own.map(({ name }) => name.replaceAll("_", "-")).sort(),
      served.map(({ name }) => name).sort(),
    ),
    ...own.flatMap(({ name, webhook, headers }) => [
      ...differences(`${name}: webhook`, webhook, prefix + name.replaceAll("_", "-")),
      ...differences(`${name}: headers`, headers, [{ name: "x-event-secret", value_from_env: "HASURA_EVENT_SECRET" }]),
    ]),
  ];
}

type DeclaredField = {
  readonly name: NameNode;
  readonly type: TypeNode;
  readonly arguments?: FieldDefinitionNode["arguments"];
};
/** The fields of types by the type's name. */
type DeclaredTypes = ReadonlyMap<string, readonly DeclaredField[]>;

function readTypes(kind: Kind.OBJECT_TYPE_DEFINITION | Kind.INPUT_OBJECT_TYPE_DEFINITION): DeclaredTypes {
  const { definitions } = parse(readFileSync(resolve(metadataDir, "actions.graphql"), "utf8"));
  return new Map(definitions.flatMap((node) => (node.kind === kind ? [[node.name.value, node.fields ?? []]] : [])));
}

function jsonShape(schema: z.ZodType, io: "input" | "output"): Shape {
  return shapeSchema.parse(z.toJSONSchema(schema, { io, unrepresentable: "any" }));
}

function compareInput(name: string, field: DeclaredField, schema: z.ZodType, inputs: DeclaredTypes): string[] {
  const { properties = {}, required = [] } = jsonShape(schema, "input");
  const declared = field.arguments ?? [];
  return [
    ...differences(
      `${name}: arguments`,
      declared.map((node) => node.name.value).sort(),
      Object.keys(properties).sort(),
    ),
    ...declared.flatMap((node) => {
      const shape = properties[node.name.value];
      if (shape === undefined) return [];
      const place = `${name}(${node.name.value})`;
      const nonNull = node.type.kind === Kind.NON_NULL_TYPE;
      return [
        ...differences(`${place}: required`, nonNull, required.includes(node.name.value)),
        ...compareType(place, node.type, shape, inputs),
      ];
    }),
  ];
}

function compareType(place: string, node: TypeNode, shape: Shape, types: DeclaredTypes): string[] {
  const nonNull = node.kind === Kind.NON_NULL_TYPE;
  const type = nonNull ? node.type : node;
  const { kinds, nullable, value } = opened(shape);
  // A schema that says nothing takes null as well.
  const nullability = kinds.length === 0 ? [] : differences(`${place}: null allowed`, !nonNull, nullable);
  if (type.kind === Kind.LIST_TYPE)
    return [
      ...nullability,
      ...(value.items === undefined
        ? [`${place}: not a list`]
        : compareType(`${place}[]`, type.type, value.items, types)),
    ];
  const fields = types.get(type.name.value);
  if (fields === undefined) {
    const expected = JSON_TYPES[type.name.value];
    return [...nullability, ...(expected === undefined ? [] : differences(`${place}: type`, [...expected], kinds))];
  }
  const properties = value.properties ?? {};
  return [
    ...nullability,
    ...differences(`${place}: fields`, fields.map((field) => field.name.value).sort(), Object.keys(properties).sort()),
    ...fields.flatMap((field) => {
      const below = properties[field.name.value];
      return below === undefined ? [] : compareType(`${place}.${field.name.value}`, field.type, below, types);
    }),
  ];
}

/** A shape without its null, and the JSON types that remain. */
function opened(shape: Shape): { kinds: string[]; nullable: boolean; value: Shape } {
  const members = shape.anyOf ?? [shape];
  const kinds = [...new Set(members.flatMap(kindsOf))];
  const [value = shape] = members.filter((member) => !kindsOf(member).includes("null"));
  return { kinds: kinds.filter((kind) => kind !== "null"), nullable: kinds.includes("null"), value };
}

function kindsOf({ type, enum: values, const: only }: Shape): string[] {
  if (type !== undefined) return [type].flat();
  const all = values ?? (only === undefined ? [] : [only]);
  return all.map((value) => (value === null ? "null" : typeof value));
}

function differences(place: string, metadata: unknown, code: unknown): string[] {
  const [left, right] = [JSON.stringify(metadata), JSON.stringify(code)];
  return left === right ? [] : [`${place}: metadata ${left}, code ${right}`];
}
