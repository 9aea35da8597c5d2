import { type ConstDirectiveNode, type ConstValueNode, type DocumentNode, Kind, print, type TypeNode } from "graphql";
import type { RemotePreset } from "../model/model.ts";
import { problem } from "./role-schema-problems.ts";

/** Makes the error that stops the check of a role schema: Hasura reports what it found until here and no more. */
export type Refusal = (problem: string) => Error;

const BUILT_IN_SCALARS = ["Int", "Float", "String", "Boolean", "ID"];

/** The value of `@preset(value: …, static: …)` on an argument or input field of the given type. */
export function readPreset(
  directive: ConstDirectiveNode,
  type: TypeNode,
  name: string,
  document: DocumentNode,
  refusal: Refusal,
): RemotePreset {
  const given = directive.arguments ?? [];
  if (given.length === 0) throw refusal(problem.presetWithoutArguments());
  const value = given.find((argument) => argument.name.value === "value")?.value;
  if (value === undefined) throw refusal(problem.presetWithoutValue(name));
  const isStatic = given.find((argument) => argument.name.value === "static")?.value;
  if (isStatic !== undefined && isStatic.kind !== Kind.BOOLEAN) throw refusal(problem.presetStaticNotBoolean());
  const reading = { document, refusal, sessionAllowed: isStatic?.value !== true };
  return presetValue(value, type, name, reading);
}

type Reading = { readonly document: DocumentNode; readonly refusal: Refusal; readonly sessionAllowed: boolean };

function presetValue(value: ConstValueNode, type: TypeNode, name: string, reading: Reading): RemotePreset {
  if (type.kind === Kind.NON_NULL_TYPE) return presetValue(value, type.type, name, reading);
  if (type.kind === Kind.LIST_TYPE) {
    if (value.kind === Kind.LIST)
      return { kind: "list", items: value.values.map((item) => presetValue(item, type.type, name, reading)) };
    if (value.kind === Kind.NULL) return literal(value);
    if (isSessionVariable(value) && reading.sessionAllowed) throw reading.refusal(problem.presetSessionInList(name));
    return presetValue(value, type.type, name, reading);
  }
  return namedValue(value, type.name.value, reading);
}

function namedValue(value: ConstValueNode, typeName: string, reading: Reading): RemotePreset {
  if (BUILT_IN_SCALARS.includes(typeName)) return scalarValue(value, typeName, reading);
  const definition = reading.document.definitions.find(
    (candidate) => "name" in candidate && candidate.name?.value === typeName,
  );
  if (definition?.kind === Kind.SCALAR_TYPE_DEFINITION) return scalarValue(value, typeName, reading);
  if (definition?.kind === Kind.ENUM_TYPE_DEFINITION) {
    if (isSessionVariable(value) && reading.sessionAllowed) return session(value.value, typeName);
    if (value.kind !== Kind.ENUM)
      throw reading.refusal(problem.presetNotOfKind(typeName, print(value), "an enum value"));
    const known = definition.values?.some((candidate) => candidate.name.value === value.value) === true;
    if (!known) throw reading.refusal(problem.presetEnumValueMissing(typeName, value.value));
    return literal(value);
  }
  if (definition?.kind !== Kind.INPUT_OBJECT_TYPE_DEFINITION)
    throw reading.refusal(problem.presetOnOutputType(typeName));
  if (value.kind !== Kind.OBJECT)
    throw reading.refusal(problem.presetNotOfKind(typeName, print(value), "an input object value"));
  const fields = new Map<string, RemotePreset>();
  for (const { name, value: fieldValue } of value.fields) {
    const field = definition.fields?.find((candidate) => candidate.name.value === name.value);
    if (field === undefined) throw reading.refusal(problem.presetKeyMissing(typeName, name.value));
    fields.set(name.value, presetValue(fieldValue, field.type, name.value, reading));
  }
  return { kind: "object", fields };
}

function scalarValue(value: ConstValueNode, typeName: string, reading: Reading): RemotePreset {
  if (value.kind === Kind.ENUM || value.kind === Kind.LIST || value.kind === Kind.OBJECT) {
    throw reading.refusal(problem.presetNotOfKind(typeName, print(value), "a scalar value"));
  }
  return isSessionVariable(value) && reading.sessionAllowed ? session(value.value, typeName) : literal(value);
}

function isSessionVariable(value: ConstValueNode): value is Extract<ConstValueNode, { kind: Kind.STRING }> {
  return value.kind === Kind.STRING && value.value.toLowerCase().startsWith("x-hasura-");
}

function session(variable: string, type: string): RemotePreset {
  return { kind: "session", variable: variable.toLowerCase(), type };
}

function literal(value: ConstValueNode): RemotePreset {
  return { kind: "literal", text: print(value) };
}
