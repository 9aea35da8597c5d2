import type { Random } from "@control-plane/testkit/random";
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from "graphql";
import { drawInput, type Input, printInput, toVariable } from "./generate-input.ts";
import type { ValuePool } from "./values.ts";

export type Operation = "query" | "mutation" | "subscription";
export type Document = {
  readonly operation: Operation;
  readonly text: string;
  readonly variables: Readonly<Record<string, unknown>>;
};

/** What is drawn from. */
export type Source = {
  readonly schema: GraphQLSchema;
  readonly pool: ValuePool;
  readonly random: Random;
  /** Whether a root field is drawn, by its name and the type of what it gives. */
  readonly isDrawn: (root: string, type: string) => boolean;
  readonly rootsMax: number;
  /** Whether log pages are drawn below rows: another service gives them, which Hasura asks over HTTP. */
  readonly logs: boolean;
  /** A plausible row to insert, for tables that have one. */
  readonly sampleRow: (table: string) => Readonly<Record<string, unknown>> | undefined;
  /** Plausible arguments, for root fields that have some. */
  readonly sampleArguments: (root: string) => Readonly<Record<string, unknown>> | undefined;
};

type Writing = Source & {
  readonly variables: Map<string, { type: string; value: unknown }>;
  readonly fragments: string[];
  aliases: number;
};

type Field = GraphQLField<unknown, unknown>;

const DEPTH_MAX = 3;
export const LOG_PAGE = "LogPage";

/** A random document that the role's schema allows, or nearly so. */
export function generateDocument(source: Source, operation: Operation): Document {
  const writing: Writing = { ...source, variables: new Map(), fragments: [], aliases: 0 };
  const root = rootType(source.schema, operation);
  const several = operation !== "subscription" && source.random.chance(0.2);
  const fields = Object.values(root.getFields()).filter(({ name, type }) =>
    source.isDrawn(name, getNamedType(type).name),
  );
  const selected = Array.from({ length: several ? source.rootsMax : 1 }, () =>
    writeRoot(writing, source.random.pick(fields)),
  );
  const declared = [...writing.variables].map(([name, { type }]) => `$${name}: ${type}`).join(", ");
  return {
    operation,
    text: [
      `${operation}${declared === "" ? "" : `(${declared})`} { ${selected.join(" ")} }`,
      ...writing.fragments,
    ].join("\n"),
    variables: Object.fromEntries([...writing.variables].map(([name, { value }]) => [name, value])),
  };
}

/** Whether the role has anything of the kind. */
export function hasRoot(schema: GraphQLSchema, operation: Operation): boolean {
  return (operation === "mutation" ? schema.getMutationType() : schema.getQueryType()) != null;
}

function rootType(schema: GraphQLSchema, operation: Operation): GraphQLObjectType {
  const roots = {
    query: schema.getQueryType(),
    mutation: schema.getMutationType(),
    subscription: schema.getSubscriptionType(),
  };
  const root = roots[operation];
  if (root == null) throw new Error(`the role has no ${operation}`);
  return root;
}

function writeRoot(writing: Writing, field: Field): string {
  const { random } = writing;
  const sample = writing.sampleArguments(field.name) ?? {};
  const args = field.args.flatMap((argument) =>
    Object.hasOwn(sample, argument.name) && random.chance(0.9)
      ? [writeVariable(writing, argument, sample[argument.name])]
      : writeArgument(writing, argument, field),
  );
  return writeField(writing, field, DEPTH_MAX, true, args);
}

function writeField(
  writing: Writing,
  field: Field,
  depth: number,
  aliased: boolean,
  args = field.args.flatMap((argument) => writeArgument(writing, argument, field)),
): string {
  const type = getNamedType(field.type);
  const alias = aliased || args.length > 0 ? `f${++writing.aliases}: ` : "";
  const inBrackets = args.length === 0 ? "" : `(${args.join(", ")})`;
  const below = isObjectType(type) ? ` ${writeSelection(writing, type, depth - 1)}` : "";
  return `${alias}${field.name}${inBrackets}${below}`;
}

function writeSelection(writing: Writing, type: GraphQLObjectType, depth: number): string {
  const { random } = writing;
  const fields = Object.values(type.getFields()).filter((field) => writing.logs || !isLogPage(field));
  const leaves = fields.filter((field) => isLeafType(getNamedType(field.type)));
  const branches = depth > 0 ? fields.filter((field) => !leaves.includes(field) && !isLogPage(field)) : [];
  const pages = writing.logs && depth > 0 && random.chance(0.6) ? fields.filter(isLogPage) : [];
  const chosen = [
    ...random.shuffled(leaves).slice(0, random.int(branches.length === 0 ? 1 : 0, 4)),
    ...random.shuffled(branches).slice(0, random.int(0, 2)),
    ...pages,
  ];
  const written = chosen.map((field) => writeField(writing, field, depth, !leaves.includes(field)));
  const selection = `{ ${["__typename", ...written].join(" ")} }`;
  if (!random.chance(0.1)) return selection;
  if (random.chance(0.5)) return `{ ... on ${type.name} ${selection} }`;
  const name = `part${writing.fragments.length + 1}`;
  writing.fragments.push(`fragment ${name} on ${type.name} ${selection}`);
  return `{ ...${name} }`;
}

function isLogPage({ type }: Field): boolean {
  return getNamedType(type).name === LOG_PAGE;
}

/** How often an optional argument is given; `waitMs` would wait for log lines to come. */
const SHARES: Readonly<Record<string, number>> = {
  where: 0.6,
  distinct_on: 0.05,
  on_conflict: 0.3,
  offset: 0.1,
  waitMs: 0,
};

function writeArgument(writing: Writing, argument: GraphQLArgument, field: Field): string[] {
  const { random } = writing;
  if (!isRequiredArgument(argument) && !random.chance(SHARES[argument.name] ?? 0.3)) return [];
  const table = tableOf(argument.type) ?? getNamedType(field.type).name;
  const value: Input = drawInput(writing, argument.type, { table, name: argument.name, depth: DEPTH_MAX });
  if (!random.chance(0.3)) return [`${argument.name}: ${printInput(value)}`];
  return [writeVariable(writing, argument, toVariable(value))];
}

function writeVariable(writing: Writing, argument: GraphQLArgument, value: unknown): string {
  const name = `v${writing.variables.size + 1}`;
  writing.variables.set(name, { type: String(argument.type), value });
  return `${argument.name}: $${name}`;
}

/** The table that an input type belongs to. */
function tableOf(type: GraphQLInputType): string | undefined {
  const inner = isNonNullType(type) || isListType(type) ? getNamedType(type) : type;
  return isInputObjectType(inner)
    ? inner.name.replace(
        /_(bool_exp|order_by|insert_input|set_input|pk_columns_input|updates|on_conflict|stream_cursor_input)$/,
        "",
      )
    : undefined;
}
