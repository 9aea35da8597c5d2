import type { Relationship, Table } from "../model/model.ts";
import { type ComparisonOperator, OPERATORS } from "../model/operators.ts";
import type { AggregateCondition, Comparison, Expression, Operand } from "../model/permissions/expression.ts";
import { columnOf, tableName } from "./identifier.ts";
import type { Writer } from "./statement.ts";

/** Aliases of the row an expression is about and of the rows around it, from the inside out. */
type Scope = readonly [own: string, ...around: string[]];

/** A condition on the row of an alias as SQL; always in parentheses where it could be read otherwise. */
export function expressionSql(writer: Writer, expression: Expression, own: string): string {
  return conditionSql(writer, expression, [own]);
}

function conditionSql(writer: Writer, expression: Expression, scope: Scope): string {
  switch (expression.kind) {
    case "and":
      return joined(writer, expression.items, scope, "AND", "TRUE");
    case "or":
      return joined(writer, expression.items, scope, "OR", "FALSE");
    case "not":
      return `(NOT ${conditionSql(writer, expression.item, scope)})`;
    case "compare":
      return comparisonSql(writer, expression, scope);
    case "is-null":
      return isNullSql(writer, columnOf(scope[0], expression.column), expression.operand);
    case "related":
      return existsRelated(writer, expression.relationship, expression.target, expression.where, scope);
    case "exists": {
      const own = writer.alias();
      return `(EXISTS (SELECT 1 FROM ${tableName(expression.table)} ${own} WHERE ${conditionSql(writer, expression.where, [own, ...scope])}))`;
    }
    case "aggregate-condition":
      return aggregateConditionSql(writer, expression, scope);
  }
}

function joined(writer: Writer, items: readonly Expression[], scope: Scope, word: "AND" | "OR", empty: string): string {
  const [only] = items;
  if (only === undefined) return empty;
  if (items.length === 1) return conditionSql(writer, only, scope);
  return `(${items.map((item) => conditionSql(writer, item, scope)).join(` ${word} `)})`;
}

function existsRelated(
  writer: Writer,
  relationship: Relationship,
  target: Table,
  where: Expression,
  scope: Scope,
): string {
  const own = writer.alias();
  return `(EXISTS (SELECT 1 FROM ${tableName(target)} ${own} WHERE ${joinSql(relationship, scope[0], own)} AND ${conditionSql(writer, where, [own, ...scope])}))`;
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
  const plain = columnOf(scope[0], column);
  const left = castTo === undefined ? plain : `(${plain})::${castTo.sql}`;
  const right = operandSql(writer, operand, scope);
  // The form with OR keeps indexes usable, which IS DISTINCT FROM does not.
  if (nullSafe && operator === "eq") return `((${left} = ${right}) OR ((${left} IS NULL) AND (${right} IS NULL)))`;
  if (nullSafe && operator === "neq") return `(${left} IS DISTINCT FROM ${right})`;
  return operatorSql(operator, left, right);
}

function operatorSql(name: ComparisonOperator, left: string, right: string): string {
  const { sql, operand } = OPERATORS[name];
  return operand === "list" ? `(${left} ${sql}(${right}))` : `(${left} ${sql} ${right})`;
}

function operandSql(writer: Writer, operand: Operand, scope: Scope): string {
  if (operand.from === "column") {
    const row = scope[operand.rowsOut];
    if (row === undefined) throw new Error(`no row lies ${operand.rowsOut} outside "${operand.column.name}"`);
    return columnOf(row, operand.column);
  }
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
  const where = `${joinSql(condition.relationship, scope[0], own)} AND ${conditionSql(writer, condition.where, [own, ...scope])}`;
  const value = writer.alias();
  const tests = condition.predicate.map(({ operator, operand }) => {
    if (operator === "is_null") return isNullSql(writer, `${value}.r`, operand);
    return operatorSql(operator, `${value}.r`, writer.bind(operand));
  });
  const test = tests.length === 0 ? "TRUE" : tests.join(" AND ");
  return `(EXISTS (SELECT 1 FROM (SELECT ${call} AS r FROM ${tableName(condition.target)} ${own} WHERE ${where}) ${value} WHERE ${test}))`;
}
