import {
  buildASTSchema,
  type DefinitionNode,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  type InputValueDefinitionNode,
  Kind,
  parse,
  type TypeNode,
} from "graphql";
import type { RemotePreset, RemoteRoleSchema } from "../model/model.ts";
import { checkRoleSchema } from "./check-role-schema.ts";
import { problem, reasonOf } from "./role-schema-problems.ts";

/** `reason` is Hasura's text for the inconsistency (code `validation-failed`); `problems` are its pieces. */
export type RemoteRole =
  | { readonly role: RemoteRoleSchema }
  | { readonly problems: readonly string[]; readonly reason: string };

/** Checks a role's SDL against the upstream and takes out what presets decide (docs/reference/hasura-semantics.md, "Remote schemas"). */
export function buildRemoteRole(upstream: GraphQLSchema, sdl: string): RemoteRole {
  let document: DocumentNode;
  try {
    document = parse(sdl, { noLocation: true });
  } catch (error) {
    if (error instanceof GraphQLError) return refused([error.message]);
    throw error;
  }
  const { presets, problems } = checkRoleSchema(upstream, document);
  if (problems.length > 0) return refused(problems);
  return buildRole(document, new Map(presets));
}

function refused(problems: readonly string[]): RemoteRole {
  return { problems, reason: reasonOf(problems) };
}

function buildRole(document: DocumentNode, presets: Map<string, RemotePreset>): RemoteRole {
  const filled = filledTypes(document, presets);
  const isVisible =
    (prefix: string) =>
    (input: InputValueDefinitionNode): boolean => {
      const key = `${prefix}.${input.name.value}`;
      if (!presets.has(key) && filled.has(namedType(input.type))) presets.set(key, { kind: "filled" });
      return !presets.has(key);
    };
  const definitions = document.definitions
    .filter(
      (definition) => !(definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION && filled.has(definition.name.value)),
    )
    .map((definition) => visiblePart(definition, isVisible));
  try {
    const schema = buildASTSchema({ ...document, definitions }, { assumeValid: true, assumeValidSDL: true });
    if (!schema.getQueryType()) return refused([problem.queryRootMissing()]);
    return { role: { schema, presets } };
  } catch (error) {
    return refused([error instanceof Error ? error.message : String(error)]);
  }
}

type Visible = (prefix: string) => (input: InputValueDefinitionNode) => boolean;

function visiblePart(definition: DefinitionNode, isVisible: Visible): DefinitionNode {
  if (definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION) {
    return { ...definition, fields: (definition.fields ?? []).filter(isVisible(definition.name.value)) };
  }
  if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.INTERFACE_TYPE_DEFINITION)
    return definition;
  const fields = (definition.fields ?? []).map((field) => ({
    ...field,
    arguments: (field.arguments ?? []).filter(isVisible(`${definition.name.value}.${field.name.value}`)),
  }));
  return { ...definition, fields };
}

/** Input objects that leave nothing for the client to say, directly or through other such types. */
function filledTypes(document: DocumentNode, presets: ReadonlyMap<string, RemotePreset>): ReadonlySet<string> {
  const filled = new Set<string>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const definition of document.definitions) {
      if (definition.kind !== Kind.INPUT_OBJECT_TYPE_DEFINITION || filled.has(definition.name.value)) continue;
      const { name, fields = [] } = definition;
      const isDecided = (field: InputValueDefinitionNode): boolean =>
        presets.has(`${name.value}.${field.name.value}`) || filled.has(namedType(field.type));
      if (fields.length > 0 && fields.every(isDecided)) {
        filled.add(name.value);
        grown = true;
      }
    }
  }
  return filled;
}

function namedType(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : namedType(type.type);
}
