import { quoteElement } from "../model/permissions/literal.ts";
import type { Connection } from "../run/connections.ts";
import { runStatement, textOf } from "../run/run-statement.ts";
import type { Bindings } from "../sql/bind-parameters.ts";
import { compileRelated, type RelatedSelect } from "../sql/compile-query.ts";
import type { CompileOptions } from "../sql/statement.ts";
import type { ActionRelationship, KeyTuple } from "./shape-output.ts";

/** Rows of an action's output relationship, one JSON text per key tuple and in their order, by one statement. */
export async function fetchRelated(
  connection: Connection,
  relationship: ActionRelationship,
  keys: readonly KeyTuple[],
  bindings: Bindings,
  options: CompileOptions,
): Promise<readonly string[]> {
  const columns = relationship.mapping.map(({ column }) => column);
  const statement = compileRelated(relatedSelect(relationship), columns, options);
  const values = columns.map((_column, index) => textArray(keys.map((key) => key[index] ?? null)));
  const rows = await runStatement(connection, statement, bindings, "$", values);
  return rows.map((row) => textOf([row], "data"));
}

function textArray(texts: readonly (string | null)[]): string {
  return `{${texts.map((text) => (text === null ? "NULL" : quoteElement(text))).join(",")}}`;
}

function relatedSelect(relationship: ActionRelationship): RelatedSelect {
  switch (relationship.kind) {
    case "object":
      return { kind: "object", target: relationship.target, filter: relationship.filter, rows: relationship.rows };
    case "array":
      return { kind: "array", select: relationship.select };
    case "aggregate":
      return { kind: "aggregate", select: relationship.select };
    default:
      return relationship satisfies never;
  }
}
