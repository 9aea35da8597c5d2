import { HasuraError } from "../hasura-error.ts";
import type { Column, Preset, Relationship, Table } from "../model/model.ts";
import { type Expression, FALSE, type Parameter, TRUE } from "../permissions/expression.ts";
import { literalText } from "../permissions/literal.ts";
import { asEnum, asList, asObject, given } from "./arguments.ts";
import { columnParameter, holdsVariables } from "./column-value.ts";
import type { InputValue } from "./input-value.ts";
import type { Insert, InsertRow, NestedInsert, OnConflict } from "./plan.ts";
import type { PlanContext } from "./plan-context.ts";
import { both, columnByName, planWhere, requireColumn } from "./plan-where.ts";

type Fields = ReadonlyMap<string, InputValue>;

/** @param path of the objects, without an index; rows with nested data get one */
export function planInsert(
  context: PlanContext,
  table: Table,
  objects: readonly InputValue[],
  conflict: InputValue | undefined,
  path: string,
  indexed: boolean,
): Insert {
  const permission = context.schema.access.of(table).insert;
  const nested = objects.some((object) =>
    [...asObject(object).fields].some(([name, value]) => table.relationships.has(name) && value.kind !== "null"),
  );
  const rows = objects.map((object, index) =>
    planRow(context, table, asObject(object).fields, object.path, nested ? `${path}[${indexed ? index : 0}]` : path),
  );
  return {
    table,
    rows,
    check: permission?.check ?? TRUE,
    onConflict: conflict === undefined ? undefined : planConflict(context, table, conflict),
    path,
  };
}

function planRow(context: PlanContext, table: Table, fields: Fields, objectPath: string, path: string): InsertRow {
  const presets = context.schema.access.of(table).insert?.presets ?? [];
  const given_ = new Map<string, { column: Column; value: Parameter }>();
  const before: NestedInsert[] = [];
  const after: NestedInsert[] = [];
  for (const [name, value] of fields) {
    const column = columnByName(table, name);
    if (column !== undefined) {
      refuseNull(column, value);
      given_.set(column.name, { column, value: columnValue(context, column, value) });
      continue;
    }
    const relationship = table.relationships.get(name);
    if (relationship === undefined || value.kind === "null") continue;
    const nested = planNested(context, relationship, asObject(value).fields, `${path}.${name}.data`, value.path);
    (relationship.insertion === "before-parent" ? before : after).push(nested);
  }
  for (const preset of presets)
    given_.set(preset.column.name, { column: preset.column, value: presetParameter(preset) });
  refuseDetermined(table, before, new Set(given_.keys()), objectPath);
  return { values: [...given_.values()], before, after, path };
}

/** A column whose value comes from an inserted parent may not be given beside it. */
function refuseDetermined(
  table: Table,
  before: readonly NestedInsert[],
  givenColumns: ReadonlySet<string>,
  objectPath: string,
): void {
  for (const { relationship } of before) {
    const determined = relationship.columns.map(({ own }) => own).filter((column) => givenColumns.has(column.name));
    if (determined.length === 0) continue;
    const names = determined
      .map((column) => `"${table.columns.get(column.name)?.graphqlName ?? column.name}"`)
      .join(", ");
    throw new HasuraError(
      "validation-failed",
      `cannot insert object relationship "${relationship.name}" as ${names} column values are already determined`,
      `${objectPath}.${relationship.name}`,
    );
  }
}

function planNested(
  context: PlanContext,
  relationship: Relationship,
  fields: Fields,
  path: string,
  valuePath: string,
): NestedInsert {
  const target = context.schema.access.model.tables.get(relationship.target);
  const data = given(fields, "data");
  if (target === undefined || data === undefined)
    throw new HasuraError("validation-failed", "missing required field 'data'", `${valuePath}.data`);
  const objects = relationship.kind === "array" ? asList(data) : [data];
  const insert = planInsert(
    context,
    target,
    objects,
    given(fields, "on_conflict"),
    path,
    relationship.kind === "array",
  );
  if (relationship.insertion === "after-parent") refuseParentColumns(insert, relationship, objects);
  return { relationship, insert };
}

/** Of an array relation's rows: columns that the parent decides may not be given. */
function refuseParentColumns(insert: Insert, relationship: Relationship, objects: readonly InputValue[]): void {
  for (const [index, row] of insert.rows.entries()) {
    const decided = relationship.columns
      .map(({ target }) => target)
      .filter((column) => row.values.some(({ column: own }) => own.name === column.name));
    if (decided.length === 0) continue;
    const names = decided.map((column) => `"${column.graphqlName}"`).join(", ");
    throw new HasuraError(
      "validation-failed",
      `cannot insert ${names} columns as their values are already being determined by parent insert`,
      objects[index]?.path ?? insert.path,
    );
  }
}

/** A value for a column; what is inside a list is read now. */
export function columnValue(context: PlanContext, column: Column, value: InputValue): Parameter {
  for (const name of holdsVariables(value)) context.variables.useValue(name);
  return columnParameter(value, column.type);
}

/** A column that PostgreSQL would refuse a null for. */
export function refuseNull(column: Column, value: InputValue): void {
  if (value.kind !== "null" || column.nullable) return;
  throw new HasuraError("validation-failed", `unexpected null value for type '${String(value.type)}'`, value.path);
}

export function presetParameter({ column, value }: Preset): Parameter {
  if (value.kind === "session") return { from: "session", type: column.type, name: value.variable };
  return { from: "constant", type: column.type, text: literalText(value.value, column.type) };
}

function planConflict(context: PlanContext, table: Table, value: InputValue): OnConflict {
  const { fields } = asObject(value);
  const constraintName = given(fields, "constraint");
  const constraint = table.uniqueConstraints.find(
    ({ name }) => constraintName !== undefined && name === asEnum(constraintName),
  );
  if (constraint === undefined)
    throw new HasuraError("validation-failed", "missing required field 'constraint'", `${value.path}.constraint`);
  const access = context.schema.access.of(table);
  const columns = given(fields, "update_columns");
  const named = columns === undefined ? [] : asList(columns).map((item) => updateColumn(table, item));
  const presets = access.update?.presets ?? [];
  const updates: OnConflict["updates"] = [
    ...named
      .filter((column) => !presets.some((preset) => preset.column.name === column.name))
      .map((column) => ({ column, value: "excluded" as const })),
    ...presets.map((preset) => ({ column: preset.column, value: presetParameter(preset) })),
  ];
  const filter: Expression = access.update?.filter ?? FALSE;
  const permission = table.permissions.get(context.schema.role);
  return {
    constraint,
    updates: named.length === 0 ? [] : updates,
    where: both(filter, planWhere(context, table, given(fields, "where"))),
    updateCheck: permission?.update?.check ?? access.insert?.check ?? TRUE,
  };
}

function updateColumn(table: Table, item: InputValue): Column {
  const name = asEnum(item);
  if (name === "_PLACEHOLDER")
    throw new HasuraError("validation-failed", "erroneous column name", item.path.replace(/\.update_columns.*$/, ""));
  return requireColumn(table, name, item.path);
}
