import { HasuraError } from "../hasura-error.ts";
import type { Column, Table } from "../model/model.ts";
import { type Expression, TRUE } from "../model/permissions/expression.ts";
import type { AggregateFunction } from "../schema/aggregates.ts";
import { AGGREGATES } from "../schema/aggregates.ts";
import { type Arguments, asEnum, asList, asObject, given, limitParameter, offsetParameter } from "./arguments.ts";
import { refuseIndistinct } from "./distinct-columns.ts";
import type { InputValue } from "./input-value.ts";
import type { OrderItem, RowSource } from "./plan.ts";
import type { PlanContext } from "./plan-context.ts";
import { both, columnByName, planWhere, requireColumn } from "./plan-where.ts";

/** Which rows of a table a list or aggregate is about: the role's filter and limit, and the client's arguments. */
export function planSource(context: PlanContext, table: Table, args: Arguments, path: string): RowSource {
  const select = context.schema.access.of(table).select;
  const limit = given(args, "limit");
  const offset = given(args, "offset");
  const distinctOn = listOf(given(args, "distinct_on")).map((item) => requireColumn(table, asEnum(item), item.path));
  refuseIndistinct(distinctOn, `${path}.args.distinct_on`);
  const orderBy = listOf(given(args, "order_by")).flatMap((item) => planOrderBy(context, table, item, []));
  refuseForeignDistinct(distinctOn, orderBy, path);
  return {
    table,
    where: both(select?.filter ?? TRUE, planWhere(context, table, given(args, "where"))),
    distinctOn,
    orderBy,
    limit: limit === undefined ? undefined : limitParameter(limit),
    offset: offset === undefined ? undefined : offsetParameter(offset),
    permissionLimit: select?.limit,
  };
}

function listOf(value: InputValue | undefined): readonly InputValue[] {
  return value === undefined ? [] : asList(value).filter((item) => item.kind !== "null");
}

/** The first columns ordered by must be the distinct ones, in any order. */
function refuseForeignDistinct(distinctOn: readonly Column[], orderBy: readonly OrderItem[], path: string): void {
  if (distinctOn.length === 0 || orderBy.length === 0) return;
  const wanted = new Set(distinctOn.map(({ name }) => name));
  const leading = orderBy.slice(0, wanted.size);
  const fits = leading.every(
    ({ through, by }) => through.length === 0 && by.kind === "column" && wanted.has(by.column.name),
  );
  if (!fits)
    throw new HasuraError(
      "validation-failed",
      '"distinct_on" columns must match initial "order_by" columns',
      `${path}.args`,
    );
}

const DIRECTIONS: Readonly<Record<string, Pick<OrderItem, "direction" | "nulls">>> = {
  asc: { direction: "asc", nulls: "last" },
  asc_nulls_first: { direction: "asc", nulls: "first" },
  asc_nulls_last: { direction: "asc", nulls: "last" },
  desc: { direction: "desc", nulls: "first" },
  desc_nulls_first: { direction: "desc", nulls: "first" },
  desc_nulls_last: { direction: "desc", nulls: "last" },
};

function planOrderBy(
  context: PlanContext,
  table: Table,
  value: InputValue,
  through: OrderItem["through"],
): OrderItem[] {
  return [...asObject(value).fields].flatMap(([name, member]) => {
    if (member.kind === "null") return [];
    const column = columnByName(table, name);
    if (column !== undefined) return [{ ...directionOf(member), through, by: { kind: "column" as const, column } }];
    const relationship = table.relationships.get(name) ?? table.relationships.get(name.replace(/_aggregate$/, ""));
    const target = relationship === undefined ? undefined : context.schema.access.selectable(relationship);
    if (relationship === undefined || target === undefined)
      throw new HasuraError(
        "validation-failed",
        `field '${name}' not found in type: '${table.graphqlName}_order_by'`,
        member.path,
      );
    context.budget.subquery(member.path);
    if (relationship.kind === "object")
      return planOrderBy(context, target.table, member, [
        ...through,
        { relationship, target: target.table, filter: target.select.filter },
      ]);
    return planAggregateOrder(target.table, member).map(({ column: by, function: call, direction }) => ({
      ...direction,
      through,
      by: {
        kind: "aggregate" as const,
        relationship,
        target: target.table,
        filter: target.select.filter,
        function: call,
        column: by,
      },
    }));
  });
}

type AggregateOrder = {
  function: AggregateFunction;
  column: Column | undefined;
  direction: Pick<OrderItem, "direction" | "nulls">;
};

function planAggregateOrder(table: Table, value: InputValue): AggregateOrder[] {
  return [...asObject(value).fields].flatMap(([name, member]): AggregateOrder[] => {
    if (member.kind === "null") return [];
    if (name === "count") return [{ function: name, column: undefined, direction: directionOf(member) }];
    const call = AGGREGATES.find((aggregate) => aggregate === name);
    if (call === undefined) throw new HasuraError("unexpected", `'${name}' is no aggregate`, member.path);
    return [...asObject(member).fields].flatMap(([column, order]) =>
      order.kind === "null"
        ? []
        : [{ function: call, column: requireColumn(table, column, order.path), direction: directionOf(order) }],
    );
  });
}

function directionOf(value: InputValue): Pick<OrderItem, "direction" | "nulls"> {
  const direction = DIRECTIONS[asEnum(value)];
  if (direction === undefined)
    throw new HasuraError("validation-failed", "expected an enum value for type 'order_by'", value.path);
  return direction;
}

/** The role's filter on a table it may select; FALSE is never needed, since fields it may not select do not exist. */
export function selectFilter(context: PlanContext, table: Table): Expression {
  return context.schema.access.of(table).select?.filter ?? TRUE;
}
