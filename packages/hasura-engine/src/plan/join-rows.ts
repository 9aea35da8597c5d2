import { isJsonList, isJsonObject, type Json } from "../json/exact-json.ts";
import type { AggregateOutput, MutationOutput, RemoteJoin, RowSelection, TableMutation, TableQuery } from "./plan.ts";

/** What the JSON text of an answer is made of. Lists, at any depth, and null stand where the plan has one of these. */
export type JoinTarget =
  | { readonly kind: "rows"; readonly rows: RowSelection }
  | { readonly kind: "aggregate"; readonly fields: readonly AggregateOutput[] }
  | { readonly kind: "mutation-output"; readonly output: MutationOutput };

export function targetOfQuery(query: TableQuery): JoinTarget {
  switch (query.kind) {
    case "list":
      return { kind: "rows", rows: query.select.rows };
    case "aggregate":
      return { kind: "aggregate", fields: query.select.fields };
    case "by-pk":
      return { kind: "rows", rows: query.rows };
    default:
      return query satisfies never;
  }
}

export function targetOfMutation(mutation: TableMutation): JoinTarget {
  switch (mutation.kind) {
    case "insert":
    case "update":
    case "update-many":
    case "delete":
      return { kind: "mutation-output", output: mutation.output };
    case "insert-one":
    case "update-by-pk":
    case "delete-by-pk":
      return { kind: "rows", rows: mutation.output };
    default:
      return mutation satisfies never;
  }
}

/** Whether the answer holds any value that the join stage must replace. */
export function hasJoins(target: JoinTarget): boolean {
  switch (target.kind) {
    case "rows":
      return target.rows.fields.some((field) => {
        if (field.kind === "remote") return true;
        const below = targetOfField(field);
        return below !== undefined && hasJoins(below);
      });
    case "aggregate":
      return target.fields.some((field) => field.kind === "nodes" && hasJoins({ kind: "rows", rows: field.rows }));
    case "mutation-output":
      return target.output.some((field) => field.kind === "returning" && hasJoins({ kind: "rows", rows: field.rows }));
    default:
      return target satisfies never;
  }
}

/** `cell` holds the left-hand columns' values; what is returned takes its place. */
export type ReplaceCell = (join: RemoteJoin, cell: Json) => Json;

/** The answer with every join cell replaced; everything else stays as it is. */
export function replaceCells(value: Json, target: JoinTarget, replace: ReplaceCell): Json {
  if (isJsonList(value)) return value.map((item) => replaceCells(item, target, replace));
  if (!isJsonObject(value)) return value;
  const members = new Map(value);
  const below = (alias: string, next: JoinTarget): void => {
    members.set(alias, replaceCells(members.get(alias) ?? null, next, replace));
  };
  switch (target.kind) {
    case "rows":
      for (const field of target.rows.fields) {
        const next = targetOfField(field);
        if (field.kind === "remote") members.set(field.alias, replace(field.join, members.get(field.alias) ?? null));
        else if (next !== undefined) below(field.alias, next);
      }
      break;
    case "aggregate":
      for (const field of target.fields)
        if (field.kind === "nodes") below(field.alias, { kind: "rows", rows: field.rows });
      break;
    case "mutation-output":
      for (const field of target.output)
        if (field.kind === "returning") below(field.alias, { kind: "rows", rows: field.rows });
      break;
    default:
      target satisfies never;
  }
  return members;
}

function targetOfField(field: RowSelection["fields"][number]): JoinTarget | undefined {
  switch (field.kind) {
    case "object":
      return { kind: "rows", rows: field.rows };
    case "array":
      return { kind: "rows", rows: field.select.rows };
    case "aggregate":
      return { kind: "aggregate", fields: field.select.fields };
    case "typename":
    case "column":
    case "remote":
      return undefined;
    default:
      return field satisfies never;
  }
}
