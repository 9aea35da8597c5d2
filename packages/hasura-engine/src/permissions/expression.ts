import type { Json } from "../json/exact-json.ts";
import type { Column, PgType, Relationship, Table } from "../model/model.ts";

/**
 * The only language for row conditions: permission filters, checks, GraphQL `where` and aggregate predicates all become
 * this tree, and only `sql/` turns it into SQL. An expression is about one row of one table (its "own" row); `root` is
 * the row under test of the outermost table, reachable from inside relationships and `_exists`.
 */
export type Expression =
  | { readonly kind: "and"; readonly items: readonly Expression[] }
  | { readonly kind: "or"; readonly items: readonly Expression[] }
  | { readonly kind: "not"; readonly item: Expression }
  | Comparison
  | { readonly kind: "is-null"; readonly column: Column; readonly operand: Parameter }
  /** EXISTS over the relationship. For client conditions `where` already contains the target's row filter of the role. */
  | {
      readonly kind: "related";
      readonly relationship: Relationship;
      readonly target: Table;
      readonly where: Expression;
    }
  /** `_exists`: any row of `table`, tied to the row only by session variables or root columns. */
  | { readonly kind: "exists"; readonly table: Table; readonly where: Expression }
  | AggregateCondition;

/** `{}`; also what `_and: []` means. */
export const TRUE: Expression = { kind: "and", items: [] };
/** `_or: []`. */
export const FALSE: Expression = { kind: "or", items: [] };

export type Comparison = {
  readonly kind: "compare";
  readonly column: Column;
  /** `_cast: {String: …}` compares the text form of a jsonb column. */
  readonly castTo: PgType | undefined;
  readonly operator: ComparisonOperator;
  readonly operand: Operand;
  /** Permission `_eq`/`_ne` on nullable columns: IS (NOT) DISTINCT FROM semantics of Hasura (D.1). */
  readonly nullSafe: boolean;
};

/** Hasura's operator names without the underscore. `in`/`nin` and `has_keys_*` take one array-valued operand. */
export const COMPARISON_OPERATORS = [
  "eq",
  "neq",
  "gt",
  "lt",
  "gte",
  "lte",
  "in",
  "nin",
  "like",
  "nlike",
  "ilike",
  "nilike",
  "similar",
  "nsimilar",
  "regex",
  "nregex",
  "iregex",
  "niregex",
  "contains",
  "contained_in",
  "has_key",
  "has_keys_any",
  "has_keys_all",
] as const;
export type ComparisonOperator = (typeof COMPARISON_OPERATORS)[number];

/** By its name without the underscore. */
export function comparisonOperator(name: string): ComparisonOperator | undefined {
  return COMPARISON_OPERATORS.find((operator) => operator === name);
}

export type Operand =
  | Parameter
  /** A sibling column (`_ceq: col`) or a column of the row under test (`_ceq: ["$", "col"]`). */
  | { readonly from: "column"; readonly column: Column; readonly scope: "own" | "root" };

export type AggregateCondition = {
  readonly kind: "aggregate-condition";
  readonly relationship: Relationship;
  readonly target: Table;
  /** The target's row filter of the role, and the client's `filter`. */
  readonly where: Expression;
  readonly function: "count" | "bool_and" | "bool_or";
  readonly columns: readonly Column[];
  readonly distinct: boolean;
  /** Comparisons of the aggregate's result, ANDed. `type` of count is int8. */
  readonly predicate: readonly {
    readonly operator: ComparisonOperator | "is_null";
    readonly operand: Parameter;
    readonly type: PgType | undefined;
  }[];
};

/**
 * A value bound as a statement parameter; it never becomes SQL text. It always reaches PostgreSQL as text (or null) with
 * a cast to `type`: `$n::<type.sql>`. Array types get a PostgreSQL array literal such as `{"a","b"}`.
 */
export type Parameter =
  | { readonly from: "constant"; readonly type: PgType; readonly text: string | null }
  /** Re-read at each execution of a cached plan; `encode` throws HasuraError for a value that does not fit. */
  | {
      readonly from: "variable";
      readonly type: PgType;
      readonly name: string;
      readonly encode: (value: Json) => string | null;
    }
  /** Lower-case session variable name; absent at execution: `not-found`, `missing session variable: "x-hasura-…"`, path `$`. */
  | { readonly from: "session"; readonly type: PgType; readonly name: string };
