import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from "graphql";

/** A value as it can stand in a document or in a variable. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly enum: string }
  | { readonly fields: Readonly<Record<string, Value>> };

/** One request that holds exactly one value of a kind its place does not take. */
export type WrongRequest = {
  readonly place: string;
  readonly literal: { readonly query: string };
  readonly variable: { readonly query: string; readonly variables: { readonly v: unknown } };
};

/** Scalars that take a value of any kind. */
const ANYTHING = new Set(["jsonb", "json"]);
const TEXTS = new Set(["String"]);
const NUMBERS = new Set(["bigint", "numeric", "float8", "smallint"]);

/** Every argument of every root field, and every field of every input type below them, once, with every wrong kind. */
export function wrongRequests(schema: GraphQLSchema): WrongRequest[] {
  const seen = new Set<string>();
  const roots = [
    ["query", schema.getQueryType()],
    ["mutation", schema.getMutationType()],
    ["subscription", schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([operation, root]) =>
    Object.values(root?.getFields() ?? {}).flatMap((field) => {
      const selection = isCompositeType(getNamedType(field.type)) ? " { __typename }" : "";
      return field.args.flatMap((argument) =>
        wrongValues(argument, seen).map(({ value, place }): WrongRequest => {
          const others = field.args.filter((other) => other !== argument && isRequiredArgument(other));
          // Without a change nothing runs, and PostgreSQL never sees the key.
          const change = argument.name === "pk_columns" ? `, _set: ${changed(field)}` : "";
          const rest = others.map((other) => `, ${other.name}: ${printed(validValue(other.type))}`).join("");
          const call = (text: string) => `${field.name}(${argument.name}: ${text}${rest}${change})${selection}`;
          return {
            place: `${field.name}.${argument.name}${place}`,
            literal: { query: `${operation} { ${call(printed(value))} }` },
            variable: {
              query: `${operation} ($v: ${String(argument.type)}) { ${call("$v")} }`,
              variables: { v: json(value) },
            },
          };
        }),
      );
    }),
  );
}

type Wrong = { readonly value: Value; readonly place: string };

function wrongValues({ type }: GraphQLArgument | GraphQLInputField, seen: Set<string>): Wrong[] {
  const named = getNamedType(type);
  const own = kinds()
    .filter((value) => !fits(value, type))
    .map((value) => ({ value, place: ` = ${printed(value)}` }));
  if (!isInputObjectType(named)) return own;
  const below = Object.values(named.getFields()).flatMap((field) => {
    const key = `${named.name}.${field.name}`;
    // json has no operators of comparison, so PostgreSQL refuses them whatever the value is.
    if (seen.has(key) || named.name === "json_comparison_exp") return [];
    // Neither has it arrays of arrays, which lists of arrays would be.
    if (named.name.endsWith("_array_comparison_exp") && /^_n?in$/.test(field.name)) return [];
    seen.add(key);
    // Operands of an aggregate's predicate are read by other code than those of columns.
    return wrongValues(field, field.name === "predicate" ? new Set() : seen).map(({ value, place }) => ({
      value: { fields: { ...required(named.getFields(), field.name), [field.name]: value } },
      place: `.${field.name}${place}`,
    }));
  });
  return [...own, ...below];
}

function kinds(): readonly Value[] {
  return [null, true, 7, 1.5, "wrong", { enum: "wrong" }, [[{ fields: {} }]], { fields: { nobody: 1 } }];
}

/** Whether the engine may take the value there, or leave it to PostgreSQL without an error. */
function fits(value: Value, type: GraphQLInputType): boolean {
  if (isNonNullType(type)) return value !== null && fits(value, type.ofType);
  if (value === null) return true;
  if (ANYTHING.has(getNamedType(type).name)) return true;
  if (isListType(type)) return !Array.isArray(value) && fits(value, type.ofType);
  if (isEnumType(type) || isInputObjectType(type)) return false;
  const isText = typeof value === "string" || (typeof value === "object" && "enum" in value);
  if (isText) return TEXTS.has(type.name);
  if (typeof value === "boolean") return type.name === "Boolean";
  if (value === 7) return NUMBERS.has(type.name) || type.name === "Int";
  return value === 1.5 && (type.name === "numeric" || type.name === "float8");
}

function validValue(type: GraphQLInputType): Value {
  if (isNonNullType(type)) return validValue(type.ofType);
  if (isListType(type)) return [validValue(type.ofType)];
  if (isEnumType(type)) return { enum: type.getValues()[0]?.name ?? "" };
  if (isInputObjectType(type)) return { fields: required(type.getFields(), "") };
  return type.name === "String" ? "x" : 1;
}

/** Any column of text, as a document says it. */
function changed({ args }: GraphQLField<unknown, unknown>): string {
  const set = getNamedType(args.find(({ name }) => name === "_set")?.type);
  const columns = isInputObjectType(set) ? Object.values(set.getFields()) : [];
  const text = columns.find(({ type }) => getNamedType(type).name === "String");
  return `{${text?.name ?? ""}: "changed"}`;
}

function required(fields: Readonly<Record<string, GraphQLInputField>>, but: string): Record<string, Value> {
  const wanted = Object.values(fields).filter((field) => field.name !== but && isRequiredInputField(field));
  return Object.fromEntries(wanted.map((field) => [field.name, validValue(field.type)]));
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function printed(value: Value): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(printed).join(", ")}]`;
  if ("enum" in value) return value.enum;
  return `{${Object.entries(value.fields)
    .map(([name, member]) => `${name}: ${printed(member)}`)
    .join(", ")}}`;
}

function json(value: Value): unknown {
  if (value === null || typeof value !== "object") return value;
  if (isList(value)) return value.map(json);
  if ("enum" in value) return value.enum;
  return Object.fromEntries(Object.entries(value.fields).map(([name, member]) => [name, json(member)]));
}
