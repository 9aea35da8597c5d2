import { arrayOf, TEXT, TEXT_ARRAY } from "../catalog/builtin-types.ts";
import { type Ability, can, type PgType, TEXT_TYPES } from "../catalog/pg-type.ts";

type Operator = {
  /** Stands between the column and the operand; a `list` follows in parentheses. */
  readonly sql: string;
  /** A value of the column's type, a list of such values, a text, a list of texts. */
  readonly operand: "value" | "list" | "text" | "texts";
  readonly columns: "any" | "text" | "jsonb" | "jsonb-or-array";
  /** Whether columns that refer to an enum table have it too. */
  readonly ofEnums: boolean;
  /** What PostgreSQL must be able to do with values of the column, or with its items. */
  readonly needs?: Ability;
};

/**
 * The comparison operators by Hasura's names without the underscore. Schema, permissions, plan and SQL read nothing
 * else: a further operator is one more line.
 */
export const OPERATORS = {
  eq: { sql: "=", operand: "value", columns: "any", ofEnums: true, needs: "=" },
  neq: { sql: "<>", operand: "value", columns: "any", ofEnums: true, needs: "<>" },
  in: { sql: "= ANY", operand: "list", columns: "any", ofEnums: true, needs: "=" },
  nin: { sql: "<> ALL", operand: "list", columns: "any", ofEnums: true, needs: "<>" },
  gt: { sql: ">", operand: "value", columns: "any", ofEnums: false, needs: ">" },
  lt: { sql: "<", operand: "value", columns: "any", ofEnums: false, needs: "<" },
  gte: { sql: ">=", operand: "value", columns: "any", ofEnums: false, needs: ">=" },
  lte: { sql: "<=", operand: "value", columns: "any", ofEnums: false, needs: "<=" },
  like: { sql: "LIKE", operand: "value", columns: "text", ofEnums: false },
  nlike: { sql: "NOT LIKE", operand: "value", columns: "text", ofEnums: false },
  ilike: { sql: "ILIKE", operand: "value", columns: "text", ofEnums: false },
  nilike: { sql: "NOT ILIKE", operand: "value", columns: "text", ofEnums: false },
  similar: { sql: "SIMILAR TO", operand: "value", columns: "text", ofEnums: false },
  nsimilar: { sql: "NOT SIMILAR TO", operand: "value", columns: "text", ofEnums: false },
  regex: { sql: "~", operand: "value", columns: "text", ofEnums: false },
  nregex: { sql: "!~", operand: "value", columns: "text", ofEnums: false },
  iregex: { sql: "~*", operand: "value", columns: "text", ofEnums: false },
  niregex: { sql: "!~*", operand: "value", columns: "text", ofEnums: false },
  contains: { sql: "@>", operand: "value", columns: "jsonb-or-array", ofEnums: false, needs: "=" },
  contained_in: { sql: "<@", operand: "value", columns: "jsonb-or-array", ofEnums: false, needs: "=" },
  has_key: { sql: "?", operand: "text", columns: "jsonb", ofEnums: false },
  has_keys_any: { sql: "?|", operand: "texts", columns: "jsonb", ofEnums: false },
  has_keys_all: { sql: "?&", operand: "texts", columns: "jsonb", ofEnums: false },
} as const satisfies Readonly<Record<string, Operator>>;
export type ComparisonOperator = keyof typeof OPERATORS;

const isOperator = (name: string): name is ComparisonOperator => Object.hasOwn(OPERATORS, name);
export const OPERATOR_NAMES: readonly ComparisonOperator[] = Object.keys(OPERATORS).filter(isOperator);

/** By its name without the underscore. */
export function operatorNamed(name: string): ComparisonOperator | undefined {
  return isOperator(name) ? name : undefined;
}

/** Whether columns of the type have the operator. */
export function operatorFits(name: ComparisonOperator, type: PgType, isEnumReference: boolean): boolean {
  const { columns, ofEnums, operand, needs }: Operator = OPERATORS[name];
  if (isEnumReference && !ofEnums) return false;
  if (needs !== undefined && !can(type, needs)) return false;
  // A list of arrays is one array of more dimensions, whose items PostgreSQL takes one by one.
  if (operand === "list" && type.element !== undefined) return false;
  switch (columns) {
    case "any":
      return true;
    case "text":
      return TEXT_TYPES.has(type.baseName);
    case "jsonb":
      return type.baseName === "jsonb";
    case "jsonb-or-array":
      return type.baseName === "jsonb" || type.element !== undefined;
    default:
      return columns satisfies never;
  }
}

/** The type that the operand is bound as, for a column of the type. */
export function operandType(name: ComparisonOperator, type: PgType): PgType {
  const { operand }: Operator = OPERATORS[name];
  switch (operand) {
    case "value":
      return type;
    case "list":
      return arrayOf(type);
    case "text":
      return TEXT;
    case "texts":
      return TEXT_ARRAY;
    default:
      return operand satisfies never;
  }
}
