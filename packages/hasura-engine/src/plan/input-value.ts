import {
  GraphQLEnumType,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLList,
  GraphQLNonNull,
  type GraphQLScalarType,
  Kind,
  type ValueNode,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { isJsonList, isJsonNumber, isJsonObject, type Json } from "../json/exact-json.ts";
import { printType, type Variable, type Variables, variableFits } from "./variables.ts";

/** A scalar as it was written: JSON, where a bare enum literal is told apart from a text. */
export type Scalar = { readonly json: Json; readonly enumLiteral: boolean };

/** An argument's value, checked against its type down to the scalars, which planning gives their meaning. */
export type InputValue =
  | { readonly kind: "null"; readonly path: string; readonly type: GraphQLInputType }
  | {
      readonly kind: "scalar";
      readonly path: string;
      readonly type: GraphQLScalarType | GraphQLEnumType;
      readonly scalar: Scalar;
      readonly fromVariable: boolean;
    }
  /** A variable in a place of scalars: its value is read again at each execution of the plan. */
  | { readonly kind: "variable"; readonly path: string; readonly type: GraphQLInputType; readonly variable: Variable }
  | { readonly kind: "enum"; readonly path: string; readonly value: string }
  /** `bare`: written without brackets, as one value that stands for a list of one. */
  | { readonly kind: "list"; readonly path: string; readonly bare: boolean; readonly items: readonly InputValue[] }
  | {
      readonly kind: "object";
      readonly path: string;
      readonly type: GraphQLInputObjectType;
      readonly fields: ReadonlyMap<string, InputValue>;
    };

/** Where a value comes from: the document, or a variable's JSON. */
type Source = { readonly from: "document"; readonly node: ValueNode } | { readonly from: "json"; readonly json: Json };

export type InputContext = { readonly variables: Variables; readonly inputs: InputBudget };

/**
 * Bounds what one document and its variables may hold; `enter` throws for too many values, or too deep ones, `hold` for
 * too large ones. A fragment or a default value is written once and held as often as it is used.
 */
export type InputBudget = { enter(): void; leave(): void; hold(characters: number): void };

const INPUTS_MAX = 200_000;
const LITERALS_LENGTH_MAX = 16 * 1024 * 1024;
/** What an item of a list, or a member of an object, takes besides its own value. */
const ITEM_LENGTH = 8;
/** Lists and objects inside each other, down to the scalars; what is inside a json value does not count. */
const INPUT_NESTING_MAX = 128;

export function createInputBudget(): InputBudget {
  let inputs = 0;
  let depth = 0;
  let held = 0;
  return {
    enter() {
      inputs += 1;
      depth += 1;
      if (inputs > INPUTS_MAX)
        throw new HasuraError("bad-request", `the request holds more than ${INPUTS_MAX} input values`);
      if (depth > INPUT_NESTING_MAX)
        throw new HasuraError("bad-request", `input values are nested deeper than ${INPUT_NESTING_MAX} levels`);
    },
    leave() {
      depth -= 1;
    },
    hold(characters) {
      held += characters;
      if (held > LITERALS_LENGTH_MAX)
        throw new HasuraError("bad-request", `the values of a document are larger than ${LITERALS_LENGTH_MAX}`);
    },
  };
}

/** Checks a value against a type. `undefined`: a variable without a value stands where a default of the place counts. */
export function checkInput(
  context: InputContext,
  node: ValueNode,
  type: GraphQLInputType,
  path: string,
  placeHasDefault: boolean,
): InputValue | undefined {
  return check(context, { from: "document", node }, type, path, placeHasDefault);
}

function check(
  context: InputContext,
  source: Source,
  type: GraphQLInputType,
  path: string,
  placeHasDefault: boolean,
): InputValue | undefined {
  context.inputs.enter();
  const value = checkValue(context, source, type, path, placeHasDefault);
  context.inputs.leave();
  return value;
}

function checkValue(
  context: InputContext,
  source: Source,
  type: GraphQLInputType,
  path: string,
  placeHasDefault: boolean,
): InputValue | undefined {
  if (source.from === "document" && source.node.kind === Kind.VARIABLE)
    return checkVariable(context, source.node.name.value, type, path, placeHasDefault);
  if (type instanceof GraphQLNonNull) {
    if (isNull(source)) throw nullRefused(type.ofType, path);
    return checkValue(context, source, type.ofType, path, placeHasDefault);
  }
  if (isNull(source)) return { kind: "null", path, type };
  if (type instanceof GraphQLList) return checkList(context, source, type, path);
  if (type instanceof GraphQLInputObjectType) return checkObject(context, source, type, path);
  if (type instanceof GraphQLEnumType) return checkEnum(source, type, path);
  return { kind: "scalar", path, type, scalar: scalarOf(context, source), fromVariable: source.from === "json" };
}

/** A null where the type, or what the value is for, takes none. */
export function nullRefused(type: GraphQLInputType, path: string): HasuraError {
  if (type instanceof GraphQLList) return new HasuraError("validation-failed", "expected a list, but found null", path);
  if (type instanceof GraphQLInputObjectType)
    return new HasuraError("validation-failed", `expected an object for type '${type.name}', but found null`, path);
  if (type instanceof GraphQLEnumType)
    return new HasuraError("validation-failed", `expected an enum value for type '${type.name}', but found null`, path);
  return new HasuraError("validation-failed", `unexpected null value for type '${String(type)}'`, path);
}

function checkVariable(
  context: InputContext,
  name: string,
  type: GraphQLInputType,
  path: string,
  placeHasDefault: boolean,
): InputValue | undefined {
  const variable = context.variables.get(name);
  if (!variableFits(variable, type, placeHasDefault)) {
    throw new HasuraError(
      "validation-failed",
      `variable '${name}' is declared as '${printType(variable.type)}', but used where '${String(type)}' is expected`,
      path,
    );
  }
  if (variable.value === undefined) {
    if (variable.defaultValue !== undefined)
      return checkValue(context, { from: "document", node: variable.defaultValue }, type, path, false);
    // An optional variable without a value counts as null; a place with a default of its own falls back on that.
    return type instanceof GraphQLNonNull ? undefined : { kind: "null", path, type };
  }
  const inner = type instanceof GraphQLNonNull ? type.ofType : type;
  if (variable.value === null) {
    if (type instanceof GraphQLNonNull) throw nullRefused(inner, path);
    return { kind: "null", path, type: inner };
  }
  if (isScalarPlace(inner)) return { kind: "variable", path, type: inner, variable };
  context.variables.useValue(name);
  return checkValue(context, { from: "json", json: variable.value }, inner, path, false);
}

/** Scalars, enums of native types among them, and lists of scalars. */
function isScalarPlace(type: GraphQLInputType): boolean {
  if (type instanceof GraphQLList || type instanceof GraphQLNonNull) return isScalarPlace(type.ofType);
  return !(type instanceof GraphQLInputObjectType || type instanceof GraphQLEnumType);
}

function isNull(source: Source): boolean {
  return source.from === "document" ? source.node.kind === Kind.NULL : source.json === null;
}

function checkList(
  context: InputContext,
  source: Source,
  type: GraphQLList<GraphQLInputType>,
  path: string,
): InputValue {
  const items: readonly Source[] =
    source.from === "document"
      ? (source.node.kind === Kind.LIST ? source.node.values : [source.node]).map((node) => ({
          from: "document",
          node,
        }))
      : (isJsonList(source.json) ? source.json : [source.json]).map((json) => ({ from: "json", json }));
  const bare = source.from === "document" ? source.node.kind !== Kind.LIST : !isJsonList(source.json);
  return {
    kind: "list",
    path,
    bare,
    items: items.flatMap(
      (item, index) =>
        check(context, item, type.ofType, `${path}[${index}]`, false) ?? {
          kind: "null",
          path: `${path}[${index}]`,
          type: type.ofType,
        },
    ),
  };
}

function checkObject(context: InputContext, source: Source, type: GraphQLInputObjectType, path: string): InputValue {
  const given = objectMembers(source, type, path);
  const known = type.getFields();
  const fields = new Map<string, InputValue>();
  for (const [name, member] of given) {
    const field = known[name];
    if (field === undefined)
      throw new HasuraError(
        "validation-failed",
        `field '${name}' not found in type: '${type.name}'`,
        `${path}.${name}`,
      );
    const value = check(context, member, field.type, `${path}.${name}`, field.defaultValue !== undefined);
    if (value !== undefined) fields.set(name, value);
  }
  for (const field of Object.values(known)) {
    if (field.type instanceof GraphQLNonNull && field.defaultValue === undefined && !fields.has(field.name)) {
      throw new HasuraError("validation-failed", `missing required field '${field.name}'`, `${path}.${field.name}`);
    }
  }
  return { kind: "object", path, type, fields };
}

function objectMembers(
  source: Source,
  type: GraphQLInputObjectType,
  path: string,
): readonly (readonly [string, Source])[] {
  if (source.from === "document") {
    if (source.node.kind === Kind.OBJECT)
      return source.node.fields.map((field) => [field.name.value, { from: "document", node: field.value }] as const);
  } else if (isJsonObject(source.json))
    return [...source.json].map(([name, json]) => [name, { from: "json", json }] as const);
  throw new HasuraError(
    "validation-failed",
    `expected an object for type '${type.name}', but found ${kindOf(source)}`,
    path,
  );
}

function checkEnum(source: Source, type: GraphQLEnumType, path: string): InputValue {
  const value =
    source.from === "document"
      ? source.node.kind === Kind.ENUM
        ? source.node.value
        : undefined
      : typeof source.json === "string"
        ? source.json
        : undefined;
  if (value === undefined)
    throw new HasuraError(
      "validation-failed",
      `expected an enum value for type '${type.name}', but found ${kindOf(source)}`,
      path,
    );
  const values = type.getValues().map(({ name }) => name);
  if (!values.includes(value)) {
    const listed = [...values]
      .sort()
      .map((name) => `'${name}'`)
      .join(", ");
    throw new HasuraError(
      "validation-failed",
      `expected one of the values [${listed}] for type '${type.name}', but found '${value}'`,
      path,
    );
  }
  return { kind: "enum", path, value };
}

/** How messages name what was found; numbers from variables are all `a number`. */
export function kindOfJson(json: Json): string {
  if (json === null) return "null";
  if (typeof json === "boolean") return "a boolean";
  if (typeof json === "string") return "a string";
  if (isJsonNumber(json)) return "a number";
  return isJsonList(json) ? "a list" : "an object";
}

function kindOf(source: Source): string {
  if (source.from === "json") return kindOfJson(source.json);
  switch (source.node.kind) {
    case Kind.NULL:
      return "null";
    case Kind.BOOLEAN:
      return "a boolean";
    case Kind.STRING:
      return "a string";
    case Kind.INT:
      return "an integer";
    case Kind.FLOAT:
      return "a float";
    case Kind.ENUM:
      return "an enum value";
    case Kind.LIST:
      return "a list";
    case Kind.OBJECT:
      return "an object";
    case Kind.VARIABLE:
      return "a variable";
  }
}

/** A literal as JSON; variables inside json values are filled in. */
function scalarOf(context: InputContext, source: Source): Scalar {
  if (source.from === "json") return { json: source.json, enumLiteral: false };
  return { json: literalJson(context, source.node), enumLiteral: source.node.kind === Kind.ENUM };
}

function literalJson(context: InputContext, node: ValueNode): Json {
  context.inputs.hold(ITEM_LENGTH + ("value" in node && typeof node.value === "string" ? node.value.length : 0));
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.BOOLEAN:
      return node.value;
    case Kind.STRING:
    case Kind.ENUM:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return { number: node.value };
    case Kind.LIST:
      return node.values.map((item) => literalJson(context, item));
    case Kind.OBJECT:
      return new Map(
        node.fields.map(({ name, value }) => {
          context.inputs.hold(name.value.length);
          return [name.value, literalJson(context, value)];
        }),
      );
    case Kind.VARIABLE: {
      const { value, defaultValue } = context.variables.get(node.name.value);
      context.variables.useValue(node.name.value);
      if (value !== undefined) return value;
      return defaultValue === undefined ? null : literalJson(context, defaultValue);
    }
  }
}
