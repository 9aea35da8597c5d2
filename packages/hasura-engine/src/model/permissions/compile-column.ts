import { BOOL, TEXT } from "../../catalog/builtin-types.ts";
import type { PgType } from "../../catalog/pg-type.ts";
import { InconsistencyError } from "../inconsistency.ts";
import type { Column } from "../model.ts";
import { type ComparisonOperator, OPERATOR_NAMES, operandType, operatorFits } from "../operators.ts";
import { type Expression, type Parameter, TRUE } from "./expression.ts";
import { arrayLiteral, literalText, sessionVariable } from "./literal.ts";
import { entriesOf, type Scope } from "./scope.ts";

/** Metadata's operator names without `_` or `$`, with the spellings Hasura also accepts. */
const VALUE_OPERATORS: ReadonlyMap<string, ComparisonOperator> = new Map<string, ComparisonOperator>([
  ...OPERATOR_NAMES.map((operator) => [operator, operator] as const),
  ["ne", "neq"],
]);
const COLUMN_OPERATORS: ReadonlyMap<string, ComparisonOperator> = new Map<string, ComparisonOperator>([
  ["ceq", "eq"],
  ["cne", "neq"],
  ["cneq", "neq"],
  ["cgt", "gt"],
  ["clt", "lt"],
  ["cgte", "gte"],
  ["clte", "lte"],
]);
/** `col: value` and `col: {operator: value, …}`. */
export function compileColumn(column: Column, value: unknown, scope: Scope): Expression {
  if (column.type.baseName === "json") {
    throw new InconsistencyError(
      "unexpected-payload",
      `JSON column "${column.name}" can not be part of boolean expression`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return compare(column, "eq", value);
  }
  const items = entriesOf(value).map(([operator, operand]) => compileOperator(column, operator, operand, scope));
  const [only] = items;
  if (only === undefined) return TRUE;
  return items.length === 1 ? only : { kind: "and", items };
}

function compileOperator(column: Column, spelled: string, operand: unknown, scope: Scope): Expression {
  const name = /^[_$]/.test(spelled) ? spelled.slice(1) : undefined;
  if (name === "is_null") return { kind: "is-null", column, operand: booleanOperand(operand) };
  if (name === "cast") return compileCast(column, operand);
  const byColumn = COLUMN_OPERATORS.get(name ?? "");
  if (byColumn !== undefined) return compareColumns(column, byColumn, operand, scope);
  const byValue = VALUE_OPERATORS.get(name ?? "");
  if (byValue === undefined) throw new InconsistencyError("unexpected-payload", `unknown operator: ${spelled}`);
  return compare(column, byValue, operand);
}

function compare(column: Column, operator: ComparisonOperator, operand: unknown, castTo?: PgType): Expression {
  const type = castTo ?? column.type;
  requireFitting(column, type, operator);
  const mixed = operator === "in" || operator === "nin" ? compareEach(column, operator, operand, castTo) : undefined;
  if (mixed !== undefined) return mixed;
  const parameterType = operandType(operator, type);
  if (operand === null && !(column.nullable && (operator === "eq" || operator === "neq"))) {
    throw new InconsistencyError(
      "parse-failed",
      `the operand of _${operator} on column "${column.name}" must not be null`,
    );
  }
  const nullSafe = castTo === undefined && column.nullable && (operator === "eq" || operator === "neq");
  return { kind: "compare", column, castTo, operator, operand: parameter(operand, parameterType), nullSafe };
}

/** A list with session variables among its items cannot be one array parameter. */
function compareEach(
  column: Column,
  operator: "in" | "nin",
  operand: unknown,
  castTo: PgType | undefined,
): Expression | undefined {
  if (!Array.isArray(operand) || !operand.some((item) => sessionVariable(item) !== undefined)) return undefined;
  const type = castTo ?? column.type;
  const items = operand.map(
    (item): Expression => ({
      kind: "compare",
      column,
      castTo,
      operator: operator === "in" ? "eq" : "neq",
      operand: parameter(item, type),
      nullSafe: false,
    }),
  );
  return { kind: operator === "in" ? "or" : "and", items };
}

function parameter(value: unknown, type: PgType): Parameter {
  const name = sessionVariable(value);
  if (name !== undefined) return { from: "session", type, name };
  if (type.kind === "array" && value !== null) {
    const items = Array.isArray(value) ? value : [value];
    return { from: "constant", type, text: arrayLiteral(items, type.element ?? type) };
  }
  if (Array.isArray(value) && type.baseName !== "jsonb") {
    throw new InconsistencyError("parse-failed", `a list does not fit a value of type "${type.name}"`);
  }
  return { from: "constant", type, text: literalText(value, type) };
}

function booleanOperand(operand: unknown): Parameter {
  if (typeof operand !== "boolean" && sessionVariable(operand) === undefined) {
    throw new InconsistencyError("parse-failed", "the operand of _is_null must be a boolean");
  }
  return parameter(operand, BOOL);
}

function compileCast(column: Column, operand: unknown): Expression {
  if (column.type.baseName !== "jsonb") {
    throw new InconsistencyError(
      "unexpected-payload",
      `cannot use _cast on column "${column.name}" of type "${column.type.name}"`,
    );
  }
  const items = entriesOf(operand).flatMap(([type, operators]) => {
    if (type !== "String")
      throw new InconsistencyError("unexpected-payload", `cannot cast column "${column.name}" to type "${type}"`);
    return entriesOf(operators).map(([spelled, value]) => {
      const operator = VALUE_OPERATORS.get(spelled.replace(/^[_$]/, ""));
      if (operator === undefined) throw new InconsistencyError("unexpected-payload", `unknown operator: ${spelled}`);
      return compare(column, operator, value, TEXT);
    });
  });
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: "and", items };
}

/** `_ceq: col`, `["col"]` (a sibling) or `["$", "col"]` (the row under test). */
function compareColumns(column: Column, operator: ComparisonOperator, operand: unknown, scope: Scope): Expression {
  const path = typeof operand === "string" ? [operand] : operand;
  const [first, second] = Array.isArray(path) ? path : [];
  const atRoot = first === "$" && Array.isArray(path) && path.length === 2;
  const name: unknown = atRoot ? second : first;
  if (typeof name !== "string" || (!atRoot && (!Array.isArray(path) || path.length !== 1))) {
    throw new InconsistencyError(
      "parse-failed",
      `the operand of a column comparison must be a column or ["$", column]`,
    );
  }
  const table = atRoot ? scope.root : scope.own;
  const other = table.columns.get(name);
  if (other === undefined)
    throw new InconsistencyError("not-exists", `column "${name}" does not exist in table "${table.name}"`);
  if (other.type.baseName !== column.type.baseName) {
    throw new InconsistencyError(
      "unexpected-payload",
      `incompatible column types: column "${column.name}" has type "${column.type.name}", but column "${name}" has type "${other.type.name}"`,
    );
  }
  return {
    kind: "compare",
    column,
    castTo: undefined,
    operator,
    operand: { from: "column", column: other, rowsOut: atRoot ? scope.depth : 0 },
    nullSafe: false,
  };
}

function requireFitting(column: Column, type: PgType, operator: ComparisonOperator): void {
  if (operatorFits(operator, type, column.enumTable !== undefined)) return;
  throw new InconsistencyError(
    "unexpected-payload",
    `operator _${operator} is not applicable to column "${column.name}" of type "${type.name}"`,
  );
}
