import { arrayOf, BOOL, INT4, INT8, TEXT } from "../catalog/builtin-types.ts";
import type { PgType } from "../catalog/pg-type.ts";
import { HasuraError } from "../hasura-error.ts";
import type { Column, Table } from "../model/model.ts";
import { type ComparisonOperator, OPERATORS, operandType, operatorNamed } from "../model/operators.ts";
import { type Expression, type Parameter, TRUE } from "../model/permissions/expression.ts";
import { asEnum, asList, asObject, given, intParameter, plainBoolean } from "./arguments.ts";
import { columnParameter, holdsVariables } from "./column-value.ts";
import { refuseIndistinct } from "./distinct-columns.ts";
import { type InputValue, nullRefused } from "./input-value.ts";
import type { PlanContext } from "./plan-context.ts";
import { withoutBackReferences } from "./regular-expression.ts";

/** Both hold; the parts that always hold fall away. */
export function both(...parts: readonly Expression[]): Expression {
  const items = parts.flatMap((part) => (part.kind === "and" ? part.items : [part]));
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: "and", items };
}

/** A client's condition on a table's rows. Steps through relationships carry the target's row filter of the role. */
export function planWhere(context: PlanContext, table: Table, value: InputValue | undefined): Expression {
  if (value === undefined || value.kind === "null") return TRUE;
  return both(...[...asObject(value).fields].map(([name, member]) => planMember(context, table, name, member)));
}

function planMember(context: PlanContext, table: Table, name: string, value: InputValue): Expression {
  if (value.kind === "null") throw nullRefused(value.type, value.path);
  switch (name) {
    case "_and":
      return { kind: "and", items: asList(value).map((item) => planWhere(context, table, item)) };
    case "_or":
      return { kind: "or", items: asList(value).map((item) => planWhere(context, table, item)) };
    case "_not":
      return { kind: "not", item: planWhere(context, table, value) };
  }
  const column = columnByName(table, name);
  if (column !== undefined) return planComparisons(context, column, value);
  const relationship = table.relationships.get(name);
  const target = relationship === undefined ? undefined : context.schema.access.selectable(relationship);
  if (relationship !== undefined && target !== undefined) {
    context.budget.enterRelationship(value.path);
    const where = both(target.select.filter, planWhere(context, target.table, value));
    context.budget.leaveRelationship();
    return { kind: "related", relationship, target: target.table, where };
  }
  return planAggregateCondition(context, table, name, value);
}

export function columnByName(table: Table, graphqlName: string): Column | undefined {
  for (const column of table.columns.values()) if (column.graphqlName === graphqlName) return column;
  return undefined;
}

function planComparisons(context: PlanContext, column: Column, value: InputValue): Expression {
  const parts: Expression[] = [];
  for (const [name, operand] of asObject(value).fields) {
    if (name === "_cast") {
      if (operand.kind === "null") throw nullRefused(operand.type, operand.path);
      parts.push(...planCast(context, column, operand));
      continue;
    }
    parts.push(planComparison(context, column, name.slice(1), operand, column.type, undefined));
  }
  return both(...parts);
}

function planCast(context: PlanContext, column: Column, value: InputValue): Expression[] {
  const text = asObject(value).fields.get("String");
  if (text === undefined) return [];
  if (text.kind === "null") throw nullRefused(text.type, text.path);
  return [...asObject(text).fields].map(([name, operand]) =>
    planComparison(context, column, name.slice(1), operand, TEXT, TEXT),
  );
}

function planComparison(
  context: PlanContext,
  column: Column,
  operator: string,
  operand: InputValue,
  type: PgType,
  castTo: PgType | undefined,
): Expression {
  if (operand.kind === "null") throw nullOperand(operator, operand);
  if (operator === "is_null") {
    const is = plainBoolean(context, operand);
    return { kind: "is-null", column, operand: { from: "constant", type: BOOL, text: String(is) } };
  }
  for (const name of holdsVariables(operand)) context.variables.useValue(name);
  const name = requireOperator(operator, operand);
  const parameter = columnParameter(operand, operandType(name, type));
  return {
    kind: "compare",
    column,
    castTo,
    operator: name,
    operand: context.schema.role === "admin" ? parameter : withoutBackReferences(parameter, name, operand.path),
    nullSafe: false,
  };
}

/** The schema offers no other operators. */
function requireOperator(name: string, operand: InputValue): ComparisonOperator {
  const operator = operatorNamed(name);
  if (operator === undefined) throw new HasuraError("unexpected", `'_${name}' is no operator`, operand.path);
  return operator;
}

function nullOperand(operator: string, operand: Extract<InputValue, { kind: "null" }>): HasuraError {
  if (operator === "is_null")
    return new HasuraError("validation-failed", "expected a boolean for type 'Boolean', but found null", operand.path);
  return nullRefused(operand.type, operand.path);
}

function planAggregateCondition(context: PlanContext, table: Table, name: string, value: InputValue): Expression {
  const relationship = table.relationships.get(name.replace(/_aggregate$/, ""));
  const target = relationship === undefined ? undefined : context.schema.access.selectable(relationship);
  if (relationship === undefined || target === undefined)
    throw new HasuraError(
      "validation-failed",
      `field '${name}' not found in type: '${table.graphqlName}_bool_exp'`,
      value.path,
    );
  const parts = [...asObject(value).fields].filter(([, member]) => member.kind !== "null");
  const [first] = parts;
  if (first === undefined || parts.length > 1)
    throw new HasuraError("validation-failed", "exactly one aggregate must be specified", value.path);
  const [call, member] = first;
  const functionName = call === "bool_and" || call === "bool_or" ? call : "count";
  const { fields } = asObject(member);
  const columns = asListOr(given(fields, "arguments")).map((item) =>
    requireColumn(target.table, asEnum(item), item.path),
  );
  const flag = given(fields, "distinct");
  const distinct = flag !== undefined && plainBoolean(context, flag);
  if (distinct) refuseIndistinct(columns, value.path);
  const predicate = given(fields, "predicate");
  context.budget.enterRelationship(value.path);
  const where = both(target.select.filter, planWhere(context, target.table, given(fields, "filter")));
  context.budget.leaveRelationship();
  return {
    kind: "aggregate-condition",
    relationship,
    target: target.table,
    where,
    function: functionName,
    columns,
    distinct,
    predicate: predicate === undefined ? [] : planPredicate(context, predicate, functionName === "count" ? INT8 : BOOL),
  };
}

function asListOr(value: InputValue | undefined): readonly InputValue[] {
  return value === undefined ? [] : asList(value);
}

function planPredicate(context: PlanContext, value: InputValue, type: PgType) {
  return [...asObject(value).fields].map(([name, operand]) => {
    const operator = name.slice(1);
    if (operand.kind === "null") throw nullOperand(operator, operand);
    if (operator === "is_null") {
      const parameter: Parameter = { from: "constant", type: BOOL, text: String(plainBoolean(context, operand)) };
      return { operator: "is_null" as const, operand: parameter };
    }
    for (const variable of holdsVariables(operand)) context.variables.useValue(variable);
    const known = requireOperator(operator, operand);
    return { operator: known, operand: predicateOperand(known, operand, type) };
  });
}

/** A count is compared with GraphQL's `Int`. */
function predicateOperand(name: ComparisonOperator, operand: InputValue, type: PgType): Parameter {
  if (type !== INT8) return columnParameter(operand, operandType(name, type));
  return OPERATORS[name].operand === "list" ? columnParameter(operand, arrayOf(INT4)) : intParameter(operand);
}

export function requireColumn(table: Table, graphqlName: string, path: string): Column {
  const column = columnByName(table, graphqlName);
  if (column === undefined)
    throw new HasuraError(
      "validation-failed",
      `field '${graphqlName}' not found in type: '${table.graphqlName}'`,
      path,
    );
  return column;
}
