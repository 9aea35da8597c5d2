import { tableNameSchema, tableText } from "../../metadata/table-name.ts";
import { InconsistencyError } from "../inconsistency.ts";
import { compileColumn } from "./compile-column.ts";
import { type Expression, TRUE } from "./expression.ts";
import { entriesOf, inside, type Scope } from "./scope.ts";

/**
 * Compiles a permission's condition, every name looked up (docs/reference/hasura-semantics.md, "Conditions in permissions").
 * Throws InconsistencyError.
 */
export function compileExpression(json: unknown, scope: Scope): Expression {
  const items = entriesOf(json).map(([key, value]) => compileEntry(key, value, scope));
  const [only] = items;
  if (items.length === 0 || only === undefined) return TRUE;
  return items.length === 1 ? only : { kind: "and", items };
}

function compileEntry(key: string, value: unknown, scope: Scope): Expression {
  switch (key.replace(/^\$/, "_")) {
    case "_and":
      return { kind: "and", items: listOf(key, value).map((item) => compileExpression(item, scope)) };
    case "_or":
      return { kind: "or", items: listOf(key, value).map((item) => compileExpression(item, scope)) };
    case "_not":
      return { kind: "not", item: compileExpression(value, scope) };
    case "_exists":
      return compileExists(value, scope);
    default:
      return compileField(key, value, scope);
  }
}

function compileExists(value: unknown, scope: Scope): Expression {
  const parts = new Map(entriesOf(value).map(([key, part]) => [key.replace(/^\$/, "_"), part]));
  const named = tableNameSchema.safeParse(parts.get("_table"));
  const unknown = [...parts.keys()].find((key) => key !== "_table" && key !== "_where");
  if (!named.success || unknown !== undefined || !parts.has("_where")) {
    throw new InconsistencyError("parse-failed", "_exists takes exactly _table and _where");
  }
  const own = scope.tables.get(`${named.data.schema}.${named.data.name}`);
  if (own === undefined) throw new InconsistencyError("not-exists", `table "${tableText(named.data)}" is not tracked`);
  return { kind: "exists", table: own, where: compileExpression(parts.get("_where"), inside(scope, own)) };
}

function compileField(name: string, value: unknown, scope: Scope): Expression {
  const column = scope.own.columns.get(name);
  if (column !== undefined) return compileColumn(column, value, scope);
  const relationship = scope.own.relationships.get(name);
  if (relationship === undefined) {
    throw new InconsistencyError("not-exists", `"${name}" does not exist in table "${tableText(scope.own)}"`);
  }
  const target = scope.tables.get(relationship.target);
  if (target === undefined) throw new InconsistencyError("not-exists", `table "${relationship.target}" is not tracked`);
  return { kind: "related", relationship, target, where: compileExpression(value, inside(scope, target)) };
}

function listOf(key: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new InconsistencyError("parse-failed", `expected a list for ${key}`);
  return value;
}
