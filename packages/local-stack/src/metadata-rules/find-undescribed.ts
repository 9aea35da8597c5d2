import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isScalarType,
} from "graphql";

export type DescribedParts = {
  /** Tracked tables, with the fields Hasura gives no description: their remote relationships. */
  readonly tables: ReadonlyMap<string, ReadonlySet<string>>;
  /** Values of the native enums of columns. */
  readonly enums: ReadonlyMap<string, readonly string[]>;
};

const ROOTS = ["query_root", "mutation_root", "subscription_root"];
const HASURAS_OWN = new Set(["order_by", "cursor_ordering", "jsonb_cast_exp"]);
/** The only argument of a root field that Hasura leaves without a word. */
const PK_COLUMNS = "pk_columns";
/** What Hasura says of a table that has no comment. */
const NO_COMMENT = "columns and relationships of ";

/**
 * What a client reads nothing about in a role's schema, by its place: `workflow_runs.status`, `mutation_root.cancelRun(runId)`.
 * Looks at tables, columns, enum values, actions and remote fields with their arguments and types; what Hasura makes
 * around a table (conditions, orderings, aggregates) it describes by itself.
 */
export function findUndescribed(schema: GraphQLSchema, parts: DescribedParts): string[] {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !isHasurasOwn(name, parts));
  return types.flatMap((type) => [...undescribedType(type, parts), ...undescribedMembers(type, parts)]);
}

function isHasurasOwn(name: string, { tables }: DescribedParts): boolean {
  if (name.startsWith("__") || name.endsWith("_comparison_exp") || HASURAS_OWN.has(name)) return true;
  return !tables.has(name) && [...tables.keys()].some((table) => name.startsWith(`${table}_`));
}

function undescribedType(type: GraphQLNamedType, { enums }: DescribedParts): string[] {
  if (ROOTS.includes(type.name)) return [];
  // Other scalars are PostgreSQL's.
  if (isScalarType(type)) return unnamedValues(type.name, type.description, enums.get(type.name) ?? []);
  return isEmpty(type.description) || type.description?.startsWith(NO_COMMENT) === true ? [type.name] : [];
}

function undescribedMembers(type: GraphQLNamedType, parts: DescribedParts): string[] {
  if (isEnumType(type))
    return type.getValues().flatMap((value) => (isEmpty(value.description) ? [`${type.name}.${value.name}`] : []));
  if (isInputObjectType(type))
    return Object.values(type.getFields()).flatMap((field) =>
      isEmpty(field.description) ? [`${type.name}.${field.name}`] : [],
    );
  if (!isObjectType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => undescribedField(type.name, field, parts));
}

function undescribedField(
  type: string,
  field: GraphQLField<unknown, unknown>,
  { tables, enums }: DescribedParts,
): string[] {
  const place = `${type}.${field.name}`;
  const isSilent = tables.get(type)?.has(field.name) === true;
  const values = tables.has(type) ? (enums.get(getNamedType(field.type).name) ?? []) : [];
  return [
    ...(isEmpty(field.description) && !isSilent ? [place] : []),
    ...unnamedValues(place, field.description, values),
    ...field.args.filter(needsDescription).map(({ name }) => `${place}(${name})`),
  ];
}

function needsDescription({ name, description }: GraphQLArgument): boolean {
  return isEmpty(description) && name !== PK_COLUMNS;
}

/** Values that a description does not name: `run_status: QUEUED`. */
function unnamedValues(place: string, description: string | null | undefined, values: readonly string[]): string[] {
  return values
    .filter((value) => !new RegExp(`\\b${value}\\b`).test(description ?? ""))
    .map((value) => `${place}: ${value}`);
}

function isEmpty(description: string | null | undefined): boolean {
  return description === undefined || description === null || description.trim() === "";
}
