import type { Relationship, Table } from "../model/model.ts";
import type {
  AggregateCondition,
  Comparison,
  ComparisonOperator,
  Expression,
  Operand,
} from "../permissions/expression.ts";
import { columnOf, tableName } from "./identifier.ts";
import type { Writer } from "./statement.ts";

/** Aliases of the row an expression is about and of the row under test. */
export type Scope = { readonly own: string; readonly root: string };

const OPERATORS = {
  eq: "=",
  neq: "<>",
  gt: ">",
  lt: "<",
  gte: ">=",
  lte: "<=",
  like: "LIKE",
  nlike: "NOT LIKE",
  ilike: "ILIKE",
  nilike: "NOT ILIKE",
  similar: "SIMILAR TO",
  nsimilar: "NOT SIMILAR TO",
  regex: "~",
  nregex: "!~",
  iregex: "~*",
  niregex: "!~*",
  contains: "@>",
  contained_in: "<@",
  has_key: "?",
  has_keys_any: "?|",
  has_keys_all: "?&",
} as const satisfies Record<Exclude<ComparisonOperator, "in" | "nin">, string>;

/** A condition as SQL; always in parentheses where it could be read otherwise. */
export function expressionSql(writer: Writer, expression: Expression, scope: Scope): string {
  switch (expression.kind) {
    case "and":
      return joined(writer, expression.items, scope, "AND", "TRUE");
    case "or":
      return joined(writer, expression.items, scope, "OR", "FALSE");
    case "not":
      return `(NOT ${expressionSql(writer, expression.item, scope)})`;
    case "compare":
      return comparisonSql(writer, expression, scope);
    case "is-null":
      return isNullSql(writer, columnOf(scope.own, expression.column), expression.operand);
    case "related":
      return existsRelated(writer, expression.relationship, expression.target, scope, (own) =>
        expressionSql(writer, expression.where, { own, root: scope.root }),
      );
    case "exists": {
      const own = writer.alias();
      return `(EXISTS (SELECT 1 FROM ${tableName(expression.table)} ${own} WHERE ${expressionSql(writer, expression.where, { own, root: scope.root })}))`;
    }
    case "aggregate-condition":
      return aggregateConditionSql(writer, expression, scope);
  }
}

function joined(writer: Writer, items: readonly Expression[], scope: Scope, word: "AND" | "OR", empty: string): string {
  const [only] = items;
  if (only === undefined) return empty;
  if (items.length === 1) return expressionSql(writer, only, scope);
  return `(${items.map((item) => expressionSql(writer, item, scope)).join(` ${word} `)})`;
}

function existsRelated(
  writer: Writer,
  relationship: Relationship,
  target: Table,
  scope: Scope,
  where: (own: string) => string,
): string {
  const own = writer.alias();
  return `(EXISTS (SELECT 1 FROM ${tableName(target)} ${own} WHERE ${joinSql(relationship, scope.own, own)} AND ${where(own)}))`;
}

/** Own columns equal the target's, pair by pair. */
export function joinSql(relationship: Relationship, own: string, target: string): string {
  return relationship.columns
    .map((pair) => `${columnOf(target, pair.target)} = ${columnOf(own, pair.own)}`)
    .join(" AND ");
}

function comparisonSql(
  writer: Writer,
  { column, castTo, operator, operand, nullSafe }: Comparison,
  scope: Scope,
): string {
  const plain = columnOf(scope.own, column);
  const left = castTo === undefined ? plain : `(${plain})::${castTo.sql}`;
  const right = operandSql(writer, operand, scope);
  if (operator === "in") return `(${left} = ANY(${right}))`;
  if (operator === "nin") return `(${left} <> ALL(${right}))`;
  // The form with OR keeps indexes usable, which IS DISTINCT FROM does not.
  if (nullSafe && operator === "eq") return `((${left} = ${right}) OR ((${left} IS NULL) AND (${right} IS NULL)))`;
  if (nullSafe && operator === "neq") return `(${left} IS DISTINCT FROM ${right})`;
  return `(${left} ${OPERATORS[operator]} ${right})`;
}

function operandSql(writer: Writer, operand: Operand, scope: Scope): string {
  if (operand.from === "column") return columnOf(scope[operand.scope], operand.column);
  return `(${writer.bind(operand)})`;
}

function isNullSql(writer: Writer, left: string, operand: Exclude<Operand, { from: "column" }>): string {
  if (operand.from === "constant" && operand.text === "true") return `(${left} IS NULL)`;
  if (operand.from === "constant" && operand.text === "false") return `(${left} IS NOT NULL)`;
  return `((${left} IS NULL) = (${writer.bind(operand)}))`;
}

function aggregateConditionSql(writer: Writer, condition: AggregateCondition, scope: Scope): string {
  const own = writer.alias();
  const columns = condition.columns.map((column) => columnOf(own, column));
  const counted = columns.length === 0 ? "*" : columns.length === 1 ? columns[0] : `(${columns.join(", ")})`;
  const call = `${condition.function}(${condition.distinct && columns.length > 0 ? "DISTINCT " : ""}${counted})`;
  const where = `${joinSql(condition.relationship, scope.own, own)} AND ${expressionSql(writer, condition.where, { own, root: scope.root })}`;
  const value = writer.alias();
  const tests = condition.predicate.map(({ operator, operand }) => {
    if (operator === "is_null") return isNullSql(writer, `${value}.r`, operand);
    if (operator === "in") return `(${value}.r = ANY(${writer.bind(operand)}))`;
    if (operator === "nin") return `(${value}.r <> ALL(${writer.bind(operand)}))`;
    return `(${value}.r ${OPERATORS[operator]} ${writer.bind(operand)})`;
  });
  const test = tests.length === 0 ? "TRUE" : tests.join(" AND ");
  return `(EXISTS (SELECT 1 FROM (SELECT ${call} AS r FROM ${tableName(condition.target)} ${own} WHERE ${where}) ${value} WHERE ${test}))`;
}
