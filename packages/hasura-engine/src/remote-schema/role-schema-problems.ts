export type DefinitionKind = "Enum" | "Input object" | "Object" | "Interface" | "Union" | "Scalar" | "Directive";
export type ParentKind = DefinitionKind | "Object field" | "Interface field" | "Input object argument";

/** What may be wrong with a role's SDL, worded as Hasura words it. */
export const problem = {
  typeMissing: (kind: DefinitionKind, name: string) =>
    `${quote(kind)}: ${quote(name)} does not exist in the upstream remote schema`,
  typeDiffers: (name: string, kind: ParentKind, expected: string, received: string) =>
    `expected type of ${quote(name)}(${quote(kind)}) to be ${expected} but received ${received}`,
  defaultDiffers: (parent: string, name: string, expected: string, received: string) =>
    `expected default value of input value: ${quote(name)}of input object ${quote(parent)} to be ${expected} but received ${received}`,
  inputMissing: (parent: string, name: string) =>
    `input argument ${quote(name)} does not exist in the input object:${quote(parent)}`,
  requiredArgumentsMissing: (field: string, names: readonly string[]) =>
    `field: ${quote(field)} expects the following non nullable arguments to be present: ${list(names)}`,
  fieldMissing: (kind: "Object" | "Interface", parent: string, name: string) =>
    `field ${quote(name)} does not exist in the ${quote(kind)}: ${quote(parent)}`,
  membersMissing: (union: string, names: readonly string[]) =>
    `union ${quote(union)} contains members which do not exist in the members of the remote schema union :${list(names)}`,
  customInterfaces: (object: string, names: readonly string[]) =>
    `custom interfaces are not supported. Object${quote(object)} implements the following custom interfaces: ${list(names)}`,
  interfacesMissing: (object: string, names: readonly string[]) =>
    `object ${quote(object)} is trying to implement the following interfaces that do not exist in the corresponding upstream remote object: ${list(names)}`,
  enumValuesMissing: (name: string, values: readonly string[]) =>
    `enum ${quote(name)} contains the following enum values that do not exist in the corresponding upstream remote enum: ${list(values)}`,
  queryRootMissing: () => "query root does not exist in the schema definition",
  /** Hasura's parser does not know them. */
  definitionRefused: (kind: string) => `the schema of a role has type definitions only, no ${kind}`,
  severalSchemaDefinitions: () => "multiple schema definitions found",
  duplicateTypes: (names: readonly string[]) => `duplicate type names found: ${list(names)}`,
  duplicateDirectives: (kind: ParentKind, parent: string, names: readonly string[]) =>
    `duplicate directives: ${list(names)}found in the ${quote(kind)} ${quote(parent)}`,
  duplicateFields: (kind: "Object" | "Interface", parent: string, names: readonly string[]) =>
    `duplicate fields: ${list(names)}found in the ${quote(kind)} ${quote(parent)}`,
  duplicateArguments: (field: string, names: readonly string[]) =>
    `duplicate arguments: ${list(names)}found in the field: ${quote(field)}`,
  duplicateEnumValues: (name: string, values: readonly string[]) =>
    `duplicate enum values: ${list(values)} found in the ${quote(name)} enum`,
  presetPlace: () => "Preset directives can be defined only on INPUT_FIELD_DEFINITION or ARGUMENT_DEFINITION",
  severalPresets: (kind: ParentKind, parent: string) =>
    `found multiple preset directives at ${quote(kind)} ${quote(parent)}`,
  presetWithoutArguments: () => "no arguments found in the preset directive",
  presetWithoutValue: (name: string) => `preset argument "value" not found at ${quote(name)}`,
  presetOnOutputType: (type: string) => `expected ${quote(type)} to be an input type, but it's an output type`,
  presetEnumValueMissing: (type: string, value: string) => `${quote(value)} not found in the enum: ${quote(type)}`,
  presetNotOfKind: (type: string, value: string, kind: "an enum value" | "a scalar value" | "an input object value") =>
    `expected preset value ${quote(value)} of type ${quote(type)} to be ${kind}`,
  presetKeyMissing: (type: string, key: string) => `${quote(key)} does not exist in the input object ${quote(type)}`,
  presetSessionInList: (name: string) =>
    `illegal preset value at ${quote(name)}. Session arguments can only be set for singleton values`,
  presetStaticNotBoolean: () => "expected preset static value to be a Boolean value",
} as const;

/** The whole reason as `get_inconsistent_metadata` shows it. */
export function reasonOf(problems: readonly string[]): string {
  const [first] = problems;
  const opening = "validation for the given role-based schema failed";
  if (problems.length === 1 && first !== undefined) return `${opening} because ${first}`;
  return `${opening} for the following reasons:\n${problems.map((problem) => ` • ${problem}\n`).join("")}`;
}

function quote(text: string): string {
  return `"${text}"`;
}

function list(names: readonly string[]): string {
  const quoted = names.map(quote);
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} and ${last}`;
}
