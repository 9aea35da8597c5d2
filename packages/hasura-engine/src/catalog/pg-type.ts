export type TypeKind = "base" | "enum" | "domain" | "composite" | "range" | "array" | "pseudo";

export type PgType = {
  /** `pg_type.typname`: `int4`, `text`, `_text`, `run_status`. For a domain the domain's own name. */
  readonly name: string;
  /** Quoted, schema-qualified text for casts: `pg_catalog.int4`, `public."run_status"`, `pg_catalog.text[]`. */
  readonly sql: string;
  readonly kind: TypeKind;
  /** Name of the GraphQL scalar: `Int`, `String`, `uuid`, `run_status`, `<name>_scalar` for composites; of arrays the element's. */
  readonly scalar: string;
  /** Of arrays. */
  readonly element: PgType | undefined;
  /** The type behind a domain, else the type's own name; decides operators and encodings. */
  readonly baseName: string;
  /** What PostgreSQL cannot do with its values; nothing that needs it is offered. */
  readonly lacks?: ReadonlySet<Ability>;
  /** Of native enums. */
  readonly comment?: string;
};

/** Operators that a type may have; json has none of them, a box all but one. */
export const COMPARISONS = ["=", "<>", "<", ">", "<=", ">="] as const;
/**
 * An operator; `max`, beside which stands `min`: some versions lack those of uuid, extensions theirs; `order`: rows are
 * sorted by it and told apart by it.
 */
export type Ability = (typeof COMPARISONS)[number] | "max" | "order";

export function can({ lacks }: PgType, ability: Ability): boolean {
  return lacks?.has(ability) !== true;
}

/** Names of base types; a type belongs to a set by its `baseName`. */
export const NUMERIC_TYPES: ReadonlySet<string> = new Set([
  "int2",
  "int4",
  "int8",
  "float4",
  "float8",
  "numeric",
  "money",
]);
/** Whose digits a JavaScript number cannot hold. */
export const BIG_NUMBER_TYPES: ReadonlySet<string> = new Set(["int8", "numeric", "float8", "money"]);
/** Hasura's string types; to it `name` is an opaque type like any other. */
export const TEXT_TYPES: ReadonlySet<string> = new Set(["text", "varchar", "bpchar", "citext"]);
/** PostgreSQL sums money, and has its maximum, but neither average nor deviation. */
export const AVERAGED_TYPES: ReadonlySet<string> = new Set([...NUMERIC_TYPES].filter((name) => name !== "money"));
/** What `max` and `min` take where PostgreSQL has them; native enums and arrays besides. */
export const ORDERABLE_TYPES: ReadonlySet<string> = new Set([
  ...NUMERIC_TYPES,
  ...TEXT_TYPES,
  "char",
  "date",
  "timestamp",
  "timestamptz",
  "timetz",
  "uuid",
  "ltree",
]);

export function isJsonType({ baseName }: PgType): boolean {
  return baseName === "jsonb" || baseName === "json";
}
