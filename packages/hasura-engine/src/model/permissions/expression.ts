import type { PgType } from "../../catalog/pg-type.ts";
import type { Json } from "../../json/exact-json.ts";
import type { Column, Relationship, Table } from "../model.ts";
import type { ComparisonOperator } from "../operators.ts";

/**
 * The only language for row conditions: permission filters, checks, GraphQL `where` and aggregate predicates all become
 * this tree, and only `sql/` turns it into SQL. An expression is about one row of one table. What stands in `related`,
 * `exists` and an aggregate's `where` is about a row of theirs and can look out to the rows around it, counted from the
 * inside: so a permission means the same wherever a condition reaches its table.
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
  /** `_exists`: any row of `table`, tied to the row only by session variables or columns of the row under test. */
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
  /** `_eq` and `_neq` of a permission on a nullable column: null equals null, as IS (NOT) DISTINCT FROM says. */
  readonly nullSafe: boolean;
};

export type Operand =
  | Parameter
  /**
   * A sibling column (`_ceq: col`, `rowsOut` 0) or a column of the row under test (`_ceq: ["$", "col"]`), which lies
   * `rowsOut` relationships and `_exists` further out.
   */
  | { readonly from: "column"; readonly column: Column; readonly rowsOut: number };

export type AggregateCondition = {
  readonly kind: "aggregate-condition";
  readonly relationship: Relationship;
  readonly target: Table;
  /** The target's row filter of the role, and the client's `filter`. */
  readonly where: Expression;
  readonly function: "count" | "bool_and" | "bool_or";
  readonly columns: readonly Column[];
  readonly distinct: boolean;
  /** Comparisons of the aggregate's result, ANDed. */
  readonly predicate: readonly {
    readonly operator: ComparisonOperator | "is_null";
    readonly operand: Parameter;
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
