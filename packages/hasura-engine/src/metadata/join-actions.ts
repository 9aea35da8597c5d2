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
import { type Problem, unsupported } from "./problem.ts";

type Named = Readonly<Record<string, unknown>> & { readonly name: string };
type Joined = { readonly object: Readonly<Record<string, unknown>>; readonly problems: readonly Problem[] };

const named = z.looseObject({ name: z.string() });
const namedList = z
  .array(named)
  .nullish()
  .transform((items) => items ?? []);
const typeKinds = ["enums", "input_objects", "objects", "scalars"] as const;
type TypeKind = (typeof typeKinds)[number];
const actionsFile = z
  .looseObject({
    actions: z
      .array(named.extend({ definition: z.looseObject({}) }))
      .nullish()
      .transform((items) => items ?? []),
    custom_types: z
      .looseObject({ enums: namedList, input_objects: namedList, objects: namedList, scalars: namedList })
      .nullish()
      .transform((types) => types ?? { enums: [], input_objects: [], objects: [], scalars: [] }),
  })
  .nullish()
  .transform(
    (file) => file ?? { actions: [], custom_types: { enums: [], input_objects: [], objects: [], scalars: [] } },
  );

/** Merges `actions.yaml` with the types and signatures of `actions.graphql`, as the Hasura CLI does. */
export function joinActions(yaml: unknown, sdl: string | undefined): Joined {
  if (yaml === undefined && sdl === undefined) return { object: {}, problems: [] };
  const file = actionsFile.safeParse(yaml);
  if (!file.success) {
    return {
      object: {},
      problems: file.error.issues.map(({ path, message }) => ({ place: `actions.yaml#/${path.join("/")}`, message })),
    };
  }
  const declared = readSdl(sdl ?? "");
  if ("problems" in declared) return { object: {}, problems: declared.problems };
  const { actions, custom_types, ...rest } = file.data;
  const problems = [
    ...agreement("action", actions, [...declared.actions.keys()]),
    ...typeKinds.flatMap((kind) => agreement("type", custom_types[kind], [...declared.types[kind].keys()])),
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
      ...Object.fromEntries(
        typeKinds.map((kind) => [
          kind,
          custom_types[kind].map((type) => ({ ...type, ...declared.types[kind].get(type.name) })),
        ]),
      ),
    },
  };
  return { object, problems };
}

function agreement(noun: string, inYaml: readonly Named[], inSdl: readonly string[]): Problem[] {
  const yamlNames = new Set(inYaml.map(({ name }) => name));
  return [
    ...[...yamlNames]
      .filter((name) => !inSdl.includes(name))
      .map((name) => ({ place: "actions.yaml", message: `${noun} ${name} is not present in actions.graphql` })),
    ...inSdl
      .filter((name) => !yamlNames.has(name))
      .map((name) => ({ place: "actions.graphql", message: `${noun} ${name} is not present in actions.yaml` })),
  ];
}

type Signature = { readonly definition: Readonly<Record<string, unknown>>; readonly comment: string | undefined };
type Declared = {
  readonly actions: Map<string, Signature>;
  readonly types: { readonly [kind in TypeKind]: Map<string, Readonly<Record<string, unknown>>> };
};

function readSdl(sdl: string): Declared | { readonly problems: readonly Problem[] } {
  const declared: Declared = {
    actions: new Map(),
    types: { enums: new Map(), input_objects: new Map(), objects: new Map(), scalars: new Map() },
  };
  if (/^(\s|#.*)*$/.test(sdl)) return declared;
  const problems: Problem[] = [];
  const complain = (message: string): void => void problems.push({ place: "actions.graphql", message });
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
        addObject(declared, definition, complain);
        break;
      case Kind.INPUT_OBJECT_TYPE_DEFINITION:
        complainOfDefaults(definition.fields ?? [], `type ${definition.name.value}`, complain);
        declared.types.input_objects.set(definition.name.value, inputObject(definition));
        break;
      case Kind.ENUM_TYPE_DEFINITION:
        declared.types.enums.set(definition.name.value, enumType(definition));
        break;
      case Kind.SCALAR_TYPE_DEFINITION:
        declared.types.scalars.set(definition.name.value, scalar(definition));
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
  declared.types.objects.set(name, {
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

function inputObject(definition: InputObjectTypeDefinitionNode): Readonly<Record<string, unknown>> {
  return { name: definition.name.value, ...describe(definition), fields: (definition.fields ?? []).map(inputField) };
}

function enumType(definition: EnumTypeDefinitionNode): Readonly<Record<string, unknown>> {
  const values = (definition.values ?? []).map((value) => ({ value: value.name.value, ...describe(value) }));
  return { name: definition.name.value, ...describe(definition), values };
}

function scalar(definition: ScalarTypeDefinitionNode): Readonly<Record<string, unknown>> {
  return { name: definition.name.value, ...describe(definition) };
}

function describe({ description }: { readonly description?: { readonly value: string } | undefined }): {
  description?: string;
} {
  return description === undefined ? {} : { description: description.value };
}
