import {
  type ConstValueNode,
  type GraphQLInputType,
  GraphQLList,
  GraphQLNonNull,
  Kind,
  type OperationDefinitionNode,
  type TypeNode,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { type Json, jsonSize } from "../json/exact-json.ts";

export type Variable = {
  readonly name: string;
  readonly type: TypeNode;
  readonly defaultValue: ConstValueNode | undefined;
  /** Undefined = absent. */
  readonly value: Json | undefined;
};

/** An operation's variables with the request's values, and what the planning does with them. */
export type Variables = {
  get(name: string): Variable;
  /** The plan now depends on the variable's value, not only on its being there. */
  useValue(name: string): void;
  readonly valuesUsed: ReadonlySet<string>;
};

/** A body of 4 MiB, whose variables stand in several places each. */
const USED_SIZE_MAX = 16 * 1024 * 1024;

/**
 * Checks the request's values against the definitions: missing and null values, uses without a definition, surplus
 * values. Definitions nobody uses are allowed.
 */
export function readVariables(
  operation: OperationDefinitionNode,
  values: ReadonlyMap<string, Json>,
  used: ReadonlySet<string>,
): Variables {
  const definitions = new Map<string, Variable>();
  for (const { variable, type, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value;
    if (definitions.has(name))
      throw new HasuraError("validation-failed", `multiple definitions for variable "${name}"`);
    definitions.set(name, { name, type, defaultValue, value: values.get(name) });
  }
  for (const { name, type, defaultValue, value } of definitions.values()) {
    if (type.kind !== Kind.NON_NULL_TYPE) continue;
    if (value === undefined && defaultValue === undefined)
      throw new HasuraError("validation-failed", `expecting a value for non-nullable variable: "${name}"`);
    if (value === null)
      throw new HasuraError("validation-failed", `null value found for non-nullable type: "${printType(type)}"`);
  }
  for (const name of used) if (!definitions.has(name)) throw unbound(name);
  const surplus = [...values.keys()].filter((name) => !definitions.has(name));
  if (surplus.length > 0)
    throw new HasuraError("validation-failed", `unexpected variables in variableValues: ${surplus.join(", ")}`);
  const valuesUsed = new Set<string>();
  const sizes = new Map<string, number>();
  const sizeOf = ({ name, value }: Variable): number => {
    const size = sizes.get(name) ?? jsonSize(value ?? null);
    sizes.set(name, size);
    return size;
  };
  let size = 0;
  return {
    get(name) {
      const variable = definitions.get(name);
      if (variable === undefined) throw unbound(name);
      size += sizeOf(variable);
      if (size > USED_SIZE_MAX)
        throw new HasuraError("bad-request", `the values of all uses of variables are larger than ${USED_SIZE_MAX}`);
      return variable;
    },
    useValue: (name) => void valuesUsed.add(name),
    valuesUsed,
  };
}

function unbound(name: string): HasuraError {
  return new HasuraError("validation-failed", `unbound variable "${name}"`);
}

export function printType(type: TypeNode): string {
  switch (type.kind) {
    case Kind.NON_NULL_TYPE:
      return `${printType(type.type)}!`;
    case Kind.LIST_TYPE:
      return `[${printType(type.type)}]`;
    case Kind.NAMED_TYPE:
      return type.name.value;
  }
}

/** Whether a variable may stand where `place` is wanted: no coercion between types, lists element by element. */
export function variableFits(
  { type, defaultValue }: Variable,
  place: GraphQLInputType,
  placeHasDefault: boolean,
): boolean {
  if (place instanceof GraphQLNonNull && type.kind !== Kind.NON_NULL_TYPE) {
    const hasDefault = placeHasDefault || (defaultValue !== undefined && defaultValue.kind !== Kind.NULL);
    return hasDefault && sameType(type, place.ofType);
  }
  return sameType(type, place);
}

function sameType(type: TypeNode, place: GraphQLInputType): boolean {
  if (place instanceof GraphQLNonNull) return type.kind === Kind.NON_NULL_TYPE && sameType(type.type, place.ofType);
  if (type.kind === Kind.NON_NULL_TYPE) return sameType(type.type, place);
  if (place instanceof GraphQLList) return type.kind === Kind.LIST_TYPE && sameType(type.type, place.ofType);
  return type.kind === Kind.NAMED_TYPE && "name" in place && type.name.value === place.name;
}
