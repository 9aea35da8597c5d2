import { type GraphQLInputType, getNamedType, isEnumType, isInputObjectType } from "graphql";
import { HasuraError } from "../hasura-error.ts";
import type { RemotePreset, RemoteRoleSchema, RemoteSchema } from "../model/model.ts";
import type { RemoteValue } from "../plan/plan.ts";
import type { Session } from "../session/session.ts";
import { argumentTypes } from "./argument-types.ts";

/** What presets of a session's role add to one remote schema. */
export type PresetScope = {
  readonly remote: RemoteSchema;
  readonly role: RemoteRoleSchema | undefined;
  readonly session: Session;
};

export function presetScope(remote: RemoteSchema, session: Session): PresetScope {
  return { remote, role: session.admin ? undefined : remote.roles.get(session.role), session };
}

type Arguments = ReadonlyMap<string, RemoteValue>;

/**
 * A field's arguments as they go upstream: what was given, argument presets, and presets of input fields inside objects
 * that are given. Given values win, because the client cannot see preset places and joined values may not be overridden.
 */
export function completeArguments(scope: PresetScope, parentType: string, field: string, given: Arguments): Arguments {
  if (scope.role === undefined) return given;
  const types = argumentTypes(scope.remote.schema, parentType, field);
  const complete = new Map<string, RemoteValue>();
  for (const [name, type] of types) {
    const preset = scope.role.presets.get(`${parentType}.${field}.${name}`);
    const value = given.get(name);
    const merged = preset === undefined ? value : mergeValues(presetValue(scope, preset, type), value);
    if (merged !== undefined)
      complete.set(name, preset === undefined || value !== undefined ? fillValue(scope, merged, type) : merged);
  }
  for (const [name, value] of given) if (!complete.has(name)) complete.set(name, value);
  return complete;
}

/** Adds presets of input fields wherever an input object stands. */
function fillValue(scope: PresetScope, value: RemoteValue, type: GraphQLInputType): RemoteValue {
  if (value.kind === "list") return { kind: "list", items: value.items.map((item) => fillValue(scope, item, type)) };
  const named = getNamedType(type);
  if (value.kind !== "object" || !isInputObjectType(named)) return value;
  const fields = new Map<string, RemoteValue>();
  for (const field of Object.values(named.getFields())) {
    const preset = scope.role?.presets.get(`${named.name}.${field.name}`);
    const given = value.fields.get(field.name);
    if (given !== undefined) fields.set(field.name, fillValue(scope, given, field.type));
    else if (preset !== undefined) fields.set(field.name, presetValue(scope, preset, field.type));
  }
  return { kind: "object", fields };
}

function presetValue(scope: PresetScope, preset: RemotePreset, type: GraphQLInputType): RemoteValue {
  switch (preset.kind) {
    case "literal":
      return { kind: "text", text: preset.text };
    case "session":
      return sessionValue(scope, preset.variable, preset.type);
    case "list":
      return { kind: "list", items: preset.items.map((item) => presetValue(scope, item, type)) };
    case "filled":
      return fillValue(scope, { kind: "object", fields: new Map() }, type);
    case "object": {
      const named = getNamedType(type);
      const types = isInputObjectType(named) ? named.getFields() : {};
      const fields = [...preset.fields].map(([name, field]): [string, RemoteValue] => [
        name,
        presetValue(scope, field, types[name]?.type ?? type),
      ]);
      return { kind: "object", fields: new Map(fields) };
    }
    default:
      return preset satisfies never;
  }
}

/** Objects are merged key by key; everything else is replaced by what stands above. */
export function mergeValues(below: RemoteValue | undefined, above: RemoteValue | undefined): RemoteValue {
  if (above === undefined) return below ?? { kind: "null" };
  if (below?.kind !== "object" || above.kind !== "object") return above;
  const fields = new Map(below.fields);
  for (const [name, value] of above.fields) fields.set(name, mergeValues(below.fields.get(name), value));
  return { kind: "object", fields };
}

/** Coercion of a session variable to the preset's scalar or enum. */
function sessionValue({ role, session }: PresetScope, variable: string, typeName: string): RemoteValue {
  const value = session.variables.get(variable);
  if (value === undefined) throw new HasuraError("not-found", `"${variable}" session variable expected, but not found`);
  const type = role?.schema.getType(typeName);
  if (isEnumType(type)) {
    if (type.getValues().some((candidate) => candidate.name === value)) return { kind: "text", text: value };
    throw coercionError(`"${value}" is not one of the valid enum values`);
  }
  switch (typeName) {
    case "Int":
      if (/^-?\d+$/.test(value)) return { kind: "text", text: BigInt(value).toString() };
      throw coercionError(`"${value}" cannot be coerced into an Int value`);
    case "Float":
      if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value))
        return { kind: "text", text: value.replace(/^(-?)0+(?=\d)/, "$1") };
      throw coercionError(`"${value}" cannot be coerced into a Float value`);
    case "Boolean":
      if (value === "true" || value === "false") return { kind: "text", text: value };
      throw coercionError(`"${value}" cannot be coerced into a Boolean value`);
    default:
      return { kind: "string", value };
  }
}

function coercionError(message: string): HasuraError {
  return new HasuraError("coercion-error", message);
}
