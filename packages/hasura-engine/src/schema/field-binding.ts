import type {
  Action,
  Column,
  CustomRelationship,
  Relationship,
  RemoteRelationship,
  RemoteSchema,
  Table,
} from "../model/model.ts";
import type { ColumnAggregate } from "./aggregates.ts";

/** What an output field stands for; planning reads it beside the graphql-js type. */
export type FieldBinding =
  | { readonly kind: "list" | "by-pk" | "aggregate" | "stream"; readonly table: Table }
  | {
      readonly kind: "insert" | "insert-one" | "update" | "update-by-pk" | "update-many" | "delete" | "delete-by-pk";
      readonly table: Table;
    }
  | { readonly kind: "action"; readonly action: Action }
  | {
      readonly kind: "remote-root";
      readonly remote: RemoteSchema;
      readonly operation: "query" | "mutation";
      readonly parentType: string;
    }
  | { readonly kind: "column"; readonly column: Column }
  | { readonly kind: "relationship"; readonly relationship: Relationship; readonly target: Table }
  | { readonly kind: "relationship-aggregate"; readonly relationship: Relationship; readonly target: Table }
  | {
      readonly kind: "remote-relationship";
      readonly relationship: RemoteRelationship;
      readonly remote: RemoteSchema;
      readonly parentType: string;
    }
  | { readonly kind: "aggregate-fields" }
  | { readonly kind: "nodes"; readonly table: Table }
  | { readonly kind: "count"; readonly table: Table }
  | { readonly kind: "aggregate-function"; readonly function: ColumnAggregate }
  | { readonly kind: "affected-rows" }
  | { readonly kind: "returning"; readonly table: Table }
  | { readonly kind: "action-field" }
  | {
      readonly kind: "action-relationship";
      readonly relationship: CustomRelationship;
      readonly target: Table;
      readonly aggregate: boolean;
    };

export type FieldBindings = {
  set(type: string, field: string, binding: FieldBinding): void;
  get(type: string, field: string): FieldBinding | undefined;
};

export function createFieldBindings(): FieldBindings {
  const byField = new Map<string, FieldBinding>();
  return {
    set: (type, field, binding) => void byField.set(`${type}.${field}`, binding),
    get: (type, field) => byField.get(`${type}.${field}`),
  };
}
