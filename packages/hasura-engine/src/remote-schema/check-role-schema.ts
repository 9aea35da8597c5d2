import {
  astFromValue,
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type EnumTypeDefinitionNode,
  type FieldDefinitionNode,
  type GraphQLArgument,
  type GraphQLFieldMap,
  type GraphQLInputField,
  type GraphQLSchema,
  type InputValueDefinitionNode,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isTypeDefinitionNode,
  isUnionType,
  Kind,
  type ObjectTypeDefinitionNode,
  print,
  type TypeDefinitionNode,
  type UnionTypeDefinitionNode,
} from "graphql";
import type { RemotePreset } from "../model/model.ts";
import { readPreset } from "./read-preset.ts";
import { type DefinitionKind, type ParentKind, problem } from "./role-schema-problems.ts";

/** `presets`: by `Type.field.argument` or `InputType.field`. */
export type CheckedRoleSchema = {
  readonly presets: ReadonlyMap<string, RemotePreset>;
  readonly problems: readonly string[];
};

const BUILT_IN_SCALARS = ["ID", "Int", "Float", "Boolean", "String"];

/** A problem after which the check ends, as in Hasura; the others are collected. */
class RoleSchemaError extends Error {}

type Check = {
  readonly upstream: GraphQLSchema;
  readonly document: DocumentNode;
  readonly presets: Map<string, RemotePreset>;
  dispute(problem: string): void;
  /** To be thrown. */
  refusal(problem: string): Error;
};

/** Checks in document order that a role's SDL is a sub-schema of the upstream and reads its presets. */
export function checkRoleSchema(upstream: GraphQLSchema, document: DocumentNode): CheckedRoleSchema {
  const problems: string[] = [];
  const check: Check = {
    upstream,
    document,
    presets: new Map(),
    dispute: (problem) => void problems.push(problem),
    refusal(problem) {
      problems.push(problem);
      return new RoleSchemaError(problem);
    },
  };
  try {
    checkDocument(check);
  } catch (error) {
    if (!(error instanceof RoleSchemaError)) throw error;
  }
  return { presets: check.presets, problems };
}

function checkDocument(check: Check): void {
  const definitions = check.document.definitions;
  const types = definitions.filter(isTypeDefinitionNode);
  const other = definitions.find((definition) => !isTypeDefinitionNode(definition) && !isSchemaDefinition(definition));
  if (other !== undefined) throw check.refusal(problem.definitionRefused(other.kind));
  const twice = duplicates(types.map((type) => type.name.value));
  if (twice.length > 0) throw check.refusal(problem.duplicateTypes(twice));
  if (definitions.filter(isSchemaDefinition).length > 1) throw check.refusal(problem.severalSchemaDefinitions());
  for (const type of types) checkType(check, type);
}

function isSchemaDefinition(definition: DefinitionNode): boolean {
  return definition.kind === Kind.SCHEMA_DEFINITION;
}

function checkType(check: Check, definition: TypeDefinitionNode): void {
  const name = definition.name.value;
  const found = check.upstream.getType(name);
  switch (definition.kind) {
    case Kind.SCALAR_TYPE_DEFINITION:
      if (BUILT_IN_SCALARS.includes(name)) break;
      if (!isScalarType(found)) throw check.refusal(problem.typeMissing("Scalar", name));
      checkDirectives(check, definition.directives, "Scalar", name);
      break;
    case Kind.INTERFACE_TYPE_DEFINITION:
      if (!isInterfaceType(found)) throw check.refusal(problem.typeMissing("Interface", name));
      checkDirectives(check, definition.directives, "Interface", name);
      checkFields(check, definition.fields ?? [], found.getFields(), "Interface", name);
      break;
    case Kind.OBJECT_TYPE_DEFINITION:
      if (!isObjectType(found)) throw check.refusal(problem.typeMissing("Object", name));
      checkDirectives(check, definition.directives, "Object", name);
      checkInterfaces(check, definition, names(found.getInterfaces()));
      checkFields(check, definition.fields ?? [], found.getFields(), "Object", name);
      break;
    case Kind.UNION_TYPE_DEFINITION:
      if (!isUnionType(found)) throw check.refusal(problem.typeMissing("Union", name));
      checkUnion(check, definition, names(found.getTypes()));
      break;
    case Kind.ENUM_TYPE_DEFINITION:
      if (!isEnumType(found)) throw check.refusal(problem.typeMissing("Enum", name));
      checkEnum(check, definition, names(found.getValues()));
      break;
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      if (!isInputObjectType(found)) throw check.refusal(problem.typeMissing("Input object", name));
      checkDirectives(check, definition.directives, "Input object", name);
      checkInputs(check, definition.fields ?? [], Object.values(found.getFields()), name, name);
      break;
    default:
      definition satisfies never;
  }
}

function names(items: readonly { readonly name: string }[]): string[] {
  return items.map((item) => item.name);
}

function checkInterfaces(check: Check, definition: ObjectTypeDefinitionNode, upstream: readonly string[]): void {
  const name = definition.name.value;
  const surplus = (definition.interfaces ?? [])
    .map((type) => type.name.value)
    .filter((type) => !upstream.includes(type));
  const declared = (type: string): boolean =>
    check.document.definitions.some(
      (other) => other.kind === Kind.INTERFACE_TYPE_DEFINITION && other.name.value === type,
    );
  const custom = surplus.filter(declared);
  const missing = surplus.filter((type) => !declared(type));
  if (custom.length > 0) check.dispute(problem.customInterfaces(name, custom));
  if (missing.length > 0) check.dispute(problem.interfacesMissing(name, missing));
}

function checkUnion(check: Check, definition: UnionTypeDefinitionNode, upstream: readonly string[]): void {
  const name = definition.name.value;
  checkDirectives(check, definition.directives, "Union", name);
  const surplus = (definition.types ?? []).map((type) => type.name.value).filter((type) => !upstream.includes(type));
  if (surplus.length > 0) throw check.refusal(problem.membersMissing(name, surplus));
}

function checkEnum(check: Check, definition: EnumTypeDefinitionNode, upstream: readonly string[]): void {
  const name = definition.name.value;
  checkDirectives(check, definition.directives, "Enum", name);
  const values = (definition.values ?? []).map((value) => value.name.value);
  const twice = duplicates(values);
  if (twice.length > 0) throw check.refusal(problem.duplicateEnumValues(name, twice));
  const surplus = values.filter((value) => !upstream.includes(value));
  if (surplus.length > 0) check.dispute(problem.enumValuesMissing(name, surplus));
}

function checkFields(
  check: Check,
  fields: readonly FieldDefinitionNode[],
  upstream: GraphQLFieldMap<unknown, unknown>,
  kind: "Object" | "Interface",
  parent: string,
): void {
  const twice = duplicates(fields.map((field) => field.name.value));
  if (twice.length > 0) throw check.refusal(problem.duplicateFields(kind, parent, twice));
  for (const field of fields) {
    const name = field.name.value;
    const found = upstream[name];
    if (found === undefined) throw check.refusal(problem.fieldMissing(kind, parent, name));
    checkDirectives(check, field.directives, `${kind} field`, parent);
    const received = print(field.type);
    if (received !== String(found.type))
      check.dispute(problem.typeDiffers(name, `${kind} field`, String(found.type), received));
    checkInputs(check, field.arguments ?? [], found.args, name, `${parent}.${name}`);
  }
}

/** Arguments of a field (`owner` is the field) or fields of an input object (`owner` is the type). */
function checkInputs(
  check: Check,
  inputs: readonly InputValueDefinitionNode[],
  upstream: readonly (GraphQLArgument | GraphQLInputField)[],
  owner: string,
  presetPrefix: string,
): void {
  const twice = duplicates(inputs.map((input) => input.name.value));
  if (twice.length > 0) throw check.refusal(problem.duplicateArguments(owner, twice));
  const required = (name: string): boolean =>
    inputs.some((input) => input.name.value === name && input.type.kind === Kind.NON_NULL_TYPE);
  const missing = upstream.filter(
    (input) => isNonNullType(input.type) && input.defaultValue === undefined && !required(input.name),
  );
  if (missing.length > 0)
    throw check.refusal(
      problem.requiredArgumentsMissing(
        owner,
        missing.map((input) => input.name),
      ),
    );
  for (const input of inputs) {
    const name = input.name.value;
    const found = upstream.find((candidate) => candidate.name === name);
    if (found === undefined) throw check.refusal(problem.inputMissing(owner, name));
    const preset = checkInput(check, input, found, owner);
    if (preset !== undefined) check.presets.set(`${presetPrefix}.${name}`, preset);
  }
}

function checkInput(
  check: Check,
  input: InputValueDefinitionNode,
  upstream: GraphQLArgument | GraphQLInputField,
  owner: string,
): RemotePreset | undefined {
  const name = input.name.value;
  const directive = presetDirective(check, input.directives, "Input object argument", owner);
  const received = print(input.type);
  if (received !== String(upstream.type))
    check.dispute(problem.typeDiffers(name, "Input object argument", String(upstream.type), received));
  const wantedDefault = defaultText(upstream);
  const givenDefault = input.defaultValue === undefined ? "" : print(input.defaultValue);
  if (givenDefault !== wantedDefault) check.dispute(problem.defaultDiffers(owner, name, wantedDefault, givenDefault));
  return directive === undefined ? undefined : readPreset(directive, input.type, name, check.document, check.refusal);
}

function defaultText(input: GraphQLArgument | GraphQLInputField): string {
  if (input.defaultValue === undefined) return "";
  const value = astFromValue(input.defaultValue, input.type);
  return value === null || value === undefined ? "" : print(value);
}

/** Presets have no place here; other directives would have to exist upstream, which introspection does not tell. */
function checkDirectives(
  check: Check,
  directives: readonly ConstDirectiveNode[] | undefined,
  kind: Exclude<ParentKind, "Input object argument"> | DefinitionKind,
  parent: string,
): void {
  if (presetDirective(check, directives, kind, parent) !== undefined) check.dispute(problem.presetPlace());
}

function presetDirective(
  check: Check,
  directives: readonly ConstDirectiveNode[] = [],
  kind: ParentKind,
  parent: string,
): ConstDirectiveNode | undefined {
  const others = directives.filter((directive) => directive.name.value !== "preset");
  const twice = duplicates(others.map((directive) => directive.name.value));
  if (twice.length > 0) throw check.refusal(problem.duplicateDirectives(kind, parent, twice));
  const unknown = others[0];
  if (unknown !== undefined) throw check.refusal(problem.typeMissing("Directive", unknown.name.value));
  const presets = directives.filter((directive) => directive.name.value === "preset");
  if (presets.length > 1) throw check.refusal(problem.severalPresets(kind, parent));
  return presets[0];
}

function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
