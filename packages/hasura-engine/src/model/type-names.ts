import { type GraphQLNamedType, GraphQLSchema, isInterfaceType, isScalarType, printType } from "graphql";
import { InconsistencyError } from "./inconsistency.ts";
import type { CustomTypes, RemoteRoleSchema } from "./model.ts";
import type { TableDrafts } from "./table-drafts.ts";

/** Types of the engine that no table, action or remote schema may bring once more. */
const OWN_TYPES = ["query_root", "mutation_root", "subscription_root", "order_by", "cursor_ordering", "jsonb_cast_exp"];

const FUNCTIONS = [
  "sum",
  "avg",
  "stddev",
  "stddev_pop",
  "stddev_samp",
  "var_pop",
  "var_samp",
  "variance",
  "max",
  "min",
];
const TABLE_SUFFIXES = [
  ...["", "_aggregate", "_aggregate_fields", "_mutation_response", "_bool_exp", "_order_by", "_updates"],
  ...["_select_column", "_constraint", "_update_column", "_on_conflict", "_aggregate_order_by", "_pk_columns_input"],
  ...["count", "bool_and", "bool_or"].map((kind) => `_aggregate_bool_exp_${kind}`),
  ...["_aggregate_bool_exp", "_stream_cursor_input", "_stream_cursor_value_input", "_insert_input", "_set_input"],
  ...["_inc_input", "_append_input", "_prepend_input", "_delete_key_input", "_delete_elem_input"],
  ...["_delete_at_path_input", "_obj_rel_insert_input", "_arr_rel_insert_input"],
  ...FUNCTIONS.flatMap((name) => [`_${name}_fields`, `_${name}_order_by`]),
];

/** Who brings a type. Scalars of one name are the same type, whoever names them. */
export type TypeOwners = {
  /** `undefined`: nobody has the name, or both mean a scalar. */
  holderOf(name: string, scalar: boolean): string | undefined;
};

/** Names of all types that tables may have, whether a role sees them or not. */
export function tableTypeOwners(drafts: TableDrafts): TypeOwners {
  const owners = new Map(OWN_TYPES.map((name) => [name, "the engine"]));
  const scalars = new Set<string>();
  for (const { table } of drafts.values()) {
    const suffixes = table.enumValues === undefined ? TABLE_SUFFIXES : [...TABLE_SUFFIXES, "_enum"];
    for (const suffix of suffixes) owners.set(`${table.graphqlName}${suffix}`, `table ${table.graphqlName}`);
    for (const { type } of table.columns.values()) scalars.add((type.element ?? type).scalar);
  }
  for (const scalar of [...scalars, "String", "Int", "Float", "Boolean"]) {
    owners.set(`${scalar}_comparison_exp`, "the engine");
    owners.set(`${scalar}_array_comparison_exp`, "the engine");
  }
  return {
    holderOf: (name, scalar) => owners.get(name) ?? (scalars.has(name) && !scalar ? "a column's type" : undefined),
  };
}

/** Types that a client can get at: those of fields and arguments, and the objects behind interfaces. */
export function reachableTypes(schema: GraphQLSchema): ReadonlyMap<string, GraphQLNamedType> {
  const [query, mutation] = [schema.getQueryType() ?? null, schema.getMutationType() ?? null];
  const implementers = new Set<GraphQLNamedType>();
  for (;;) {
    const reached = new GraphQLSchema({ query, mutation, types: [...implementers], assumeValid: true }).getTypeMap();
    const missing = Object.values(reached)
      .filter(isInterfaceType)
      .flatMap((type) => schema.getPossibleTypes(type))
      .filter((type) => reached[type.name] === undefined);
    if (missing.length === 0) return new Map(Object.entries(reached).filter(([name]) => !name.startsWith("__")));
    for (const type of missing) implementers.add(type);
  }
}

type Remote = {
  readonly name: string;
  readonly schema: GraphQLSchema;
  readonly roles: ReadonlyMap<string, RemoteRoleSchema>;
};

/**
 * A remote schema keeps its type names: one that a table or action has, or another remote means otherwise, makes it
 * inconsistent.
 */
export function requireFreeTypeNames(
  { name: remote, schema }: Pick<Remote, "name" | "schema">,
  tables: TypeOwners,
  custom: CustomTypes,
  others: readonly Remote[],
): void {
  const known = others.map((other) => ({ name: other.name, types: ownTypes(other.schema) }));
  for (const [name, type] of ownTypes(schema)) {
    const scalar = isScalarType(type);
    const other = known.find(({ types }) => differs(types.get(name), type));
    const holder =
      tables.holderOf(name, scalar) ??
      (isCustom(custom, name, scalar) ? "custom types" : undefined) ??
      (other === undefined ? undefined : `remote schema ${other.name}`);
    if (holder !== undefined) throw clash(name, holder, `remote schema ${remote}`);
  }
}

/** Two remotes that share a type must also show the same of it to a role. */
export function requireSameTypes(
  remote: string,
  role: string,
  { schema, presets }: RemoteRoleSchema,
  others: readonly Remote[],
): void {
  for (const other of others) {
    const known = other.roles.get(role);
    if (known === undefined) continue;
    const shared = ownTypes(known.schema);
    for (const [name, type] of ownTypes(schema)) {
      const same = !differs(shared.get(name), type) && presetsOf(presets, name) === presetsOf(known.presets, name);
      if (shared.has(name) && !same) throw clash(name, `remote schema ${other.name}`, `remote schema ${remote}`);
    }
  }
}

function ownTypes(schema: GraphQLSchema): ReadonlyMap<string, GraphQLNamedType> {
  const roots = [schema.getQueryType(), schema.getMutationType()].map((type) => type?.name);
  return new Map([...reachableTypes(schema)].filter(([name]) => !roots.includes(name)));
}

function differs(known: GraphQLNamedType | undefined, type: GraphQLNamedType): boolean {
  if (known === undefined || (isScalarType(known) && isScalarType(type))) return false;
  return printType(known) !== printType(type);
}

function isCustom({ enums, inputObjects, objects, scalars }: CustomTypes, name: string, scalar: boolean): boolean {
  return enums.has(name) || inputObjects.has(name) || objects.has(name) || (scalars.has(name) && !scalar);
}

function presetsOf(presets: RemoteRoleSchema["presets"], type: string): string {
  const own = [...presets].filter(([key]) => key.startsWith(`${type}.`));
  return JSON.stringify(own, (_key, value: unknown) => (value instanceof Map ? [...value] : value));
}

function clash(name: string, holder: string, claimant: string): InconsistencyError {
  return new InconsistencyError(
    "unexpected",
    `Found conflicting definitions for GraphQL type '${name}', defined in [${holder}, ${claimant}]. Types must not be defined more than once across all sources.`,
  );
}
