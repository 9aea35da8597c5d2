import {
  type DocumentNode,
  type EnumTypeDefinitionNode,
  type FieldDefinitionNode,
  type InputObjectTypeDefinitionNode,
  type InputValueDefinitionNode,
  Kind,
  type ObjectTypeDefinitionNode,
  type ObjectTypeExtensionNode,
  parse,
  print,
  type ScalarTypeDefinitionNode,
} from "graphql";
import { z } from "zod";
import { type Problem, pointerText, unsupported } from "./problem.ts";

type Named = Readonly<Record<string, unknown>> & { readonly name: string };
type Joined = { readonly object: Readonly<Record<string, unknown>>; readonly problems: readonly Problem[] };

const namedSchema = z.looseObject({ name: z.string() });
const namedListSchema = z
  .array(namedSchema)
  .nullish()
  .transform((items) => items ?? []);
const TYPE_KINDS = ["enums", "input_objects", "objects", "scalars"] as const;
type TypeKind = (typeof TYPE_KINDS)[number];
const actionsFileSchema = z
  .looseObject({
    actions: z
      .array(namedSchema.extend({ definition: z.looseObject({}) }))
      .nullish()
      .transform((items) => items ?? []),
    custom_types: z
      .looseObject({
        enums: namedListSchema,
        input_objects: namedListSchema,
        objects: namedListSchema,
        scalars: namedListSchema,
      })
      .nullish()
      .transform((types) => types ?? { enums: [], input_objects: [], objects: [], scalars: [] }),
  })
  .nullish()
  .transform(
    (file) => file ?? { actions: [], custom_types: { enums: [], input_objects: [], objects: [], scalars: [] } },
  );

/**
 * Merges `actions.yaml` with the types and signatures of `actions.graphql`, as the Hasura CLI does: types need to stand in
 * `actions.graphql` only. An action needs both, since only `actions.yaml` names its handler.
 */
export function joinActions(yaml: unknown, sdl: string | undefined): Joined {
  if (yaml === undefined && sdl === undefined) return { object: {}, problems: [] };
  const file = actionsFileSchema.safeParse(yaml);
  if (!file.success) {
    return {
      object: {},
      problems: file.error.issues.map(({ path, message }) => ({ place: `actions.yaml#${pointerText(path)}`, message })),
    };
  }
  const declared = readSdl(sdl ?? "");
  if ("problems" in declared) return { object: {}, problems: declared.problems };
  const { actions, custom_types, ...rest } = file.data;
  const problems = [
    ...missingFrom("actions.graphql", "action", namesOf(actions), declared.actions.keys()),
    ...missingFrom("actions.yaml", "action", declared.actions.keys(), namesOf(actions)),
    ...TYPE_KINDS.flatMap((kind) =>
      missingFrom("actions.graphql", "type", namesOf(custom_types[kind]), declared.types[kind].keys()),
    ),
  ];
  const object = {
    ...rest,
    actions: actions.map((action) => {
      const signature = declared.actions.get(action.name);
      return {
        ...action,
        ...(action.comment === undefined && signature?.comment !== undefined ? { comment: signature.comment } : {}),
        definition: { ...action.definition, ...signature?.definition },
      };
    }),
    custom_types: {
      ...custom_types,
      ...Object.fromEntries(TYPE_KINDS.map((kind) => [kind, joinTypes(custom_types[kind], declared.types[kind])])),
    },
  };
  return { object, problems };
}

/** Those of `actions.yaml` in their order, then what only `actions.graphql` has. */
function joinTypes(inYaml: readonly Named[], inSdl: Declared["types"][TypeKind]): Readonly<Record<string, unknown>>[] {
  const joined = inYaml.map((type) => ({ ...type, ...inSdl.get(type.name) }));
  const known = new Set(namesOf(inYaml));
  return [...joined, ...[...inSdl].filter(([name]) => !known.has(name)).map(([, type]) => type)];
}

function namesOf(items: readonly Named[]): string[] {
  return items.map(({ name }) => name);
}

function missingFrom(
  file: "actions.yaml" | "actions.graphql",
  noun: "action" | "type",
  wanted: Iterable<string>,
  there: Iterable<string>,
): Problem[] {
  const present = new Set(there);
  const place = file === "actions.yaml" ? "actions.graphql" : "actions.yaml";
  return [...new Set(wanted)]
    .filter((name) => !present.has(name))
    .map((name) => ({ place, message: `${noun} ${name} is not present in ${file}` }));
}

type Signature = { readonly definition: Readonly<Record<string, unknown>>; readonly comment: string | undefined };
type Declared = {
  readonly actions: Map<string, Signature>;
  readonly types: { readonly [kind in TypeKind]: Map<string, Named> };
};
type Declare = (kind: TypeKind, type: Named) => void;

function readSdl(sdl: string): Declared | { readonly problems: readonly Problem[] } {
  const declared: Declared = {
    actions: new Map(),
    types: { enums: new Map(), input_objects: new Map(), objects: new Map(), scalars: new Map() },
  };
  if (/^(\s|#.*)*$/.test(sdl)) return declared;
  const problems: Problem[] = [];
  const complain = (message: string): void => void problems.push({ place: "actions.graphql", message });
  const declare: Declare = (kind, type) => {
    if (TYPE_KINDS.some((other) => declared.types[other].has(type.name)))
      complain(`type ${type.name} is declared more than once`);
    declared.types[kind].set(type.name, type);
  };
  let document: DocumentNode;
  try {
    document = parse(sdl, { noLocation: true });
  } catch (error) {
    return {
      problems: [{ place: "actions.graphql", message: error instanceof Error ? error.message : String(error) }],
    };
  }
  for (const definition of document.definitions) {
    switch (definition.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.OBJECT_TYPE_EXTENSION:
        addObject(declared, definition, declare, complain);
        break;
      case Kind.INPUT_OBJECT_TYPE_DEFINITION:
        complainOfDefaults(definition.fields ?? [], `type ${definition.name.value}`, complain);
        declare("input_objects", inputObject(definition));
        break;
      case Kind.ENUM_TYPE_DEFINITION:
        declare("enums", enumType(definition));
        break;
      case Kind.SCALAR_TYPE_DEFINITION:
        declare("scalars", scalar(definition));
        break;
      default:
        complain(`${definition.kind} is not supported in actions.graphql`);
    }
  }
  return problems.length > 0 ? { problems } : declared;
}

function addObject(
  declared: Declared,
  definition: ObjectTypeDefinitionNode | ObjectTypeExtensionNode,
  declare: Declare,
  complain: (message: string) => void,
): void {
  const name = definition.name.value;
  if ((definition.interfaces ?? []).length > 0) complain(`type ${name} implements an interface, which actions may not`);
  if (name === "Query" || name === "Mutation") {
    for (const field of definition.fields ?? []) {
      complainOfDefaults(field.arguments ?? [], `action ${field.name.value}`, complain);
      if (declared.actions.has(field.name.value)) complain(`action ${field.name.value} is declared more than once`);
      declared.actions.set(field.name.value, signature(field, name === "Query" ? "query" : "mutation"));
    }
    return;
  }
  if (definition.kind === Kind.OBJECT_TYPE_EXTENSION || name === "Subscription") {
    complain(`${definition.kind} ${name} is not supported in actions.graphql`);
    return;
  }
  declare("objects", {
    name,
    ...describe(definition),
    fields: (definition.fields ?? []).map(outputField),
  });
}

/** Hasura drops them without a word, and the handler would wait for a value that never comes. */
function complainOfDefaults(
  inputs: readonly InputValueDefinitionNode[],
  owner: string,
  complain: (message: string) => void,
): void {
  for (const { name, defaultValue } of inputs) {
    if (defaultValue !== undefined) complain(unsupported(`the default of "${name.value}" in ${owner}`));
  }
}

function outputField(field: FieldDefinitionNode): Readonly<Record<string, unknown>> {
  const given = (field.arguments ?? []).map(({ name }) => name.value);
  return {
    name: field.name.value,
    ...describe(field),
    type: print(field.type),
    ...(given.length > 0 ? { arguments: Object.fromEntries(given.map((name) => [name, null])) } : {}),
  };
}

function signature(field: FieldDefinitionNode, type: "query" | "mutation"): Signature {
  return {
    comment: field.description?.value,
    definition: { type, arguments: (field.arguments ?? []).map(inputField), output_type: print(field.type) },
  };
}

function inputField(field: InputValueDefinitionNode): Readonly<Record<string, unknown>> {
  return { name: field.name.value, ...describe(field), type: print(field.type) };
}

function inputObject(definition: InputObjectTypeDefinitionNode): Named {
  return { name: definition.name.value, ...describe(definition), fields: (definition.fields ?? []).map(inputField) };
}

function enumType(definition: EnumTypeDefinitionNode): Named {
  const values = (definition.values ?? []).map((value) => ({ value: value.name.value, ...describe(value) }));
  return { name: definition.name.value, ...describe(definition), values };
}

function scalar(definition: ScalarTypeDefinitionNode): Named {
  return { name: definition.name.value, ...describe(definition) };
}

function describe({ description }: { readonly description?: { readonly value: string } | undefined }): {
  description?: string;
} {
  return description === undefined ? {} : { description: description.value };
}
