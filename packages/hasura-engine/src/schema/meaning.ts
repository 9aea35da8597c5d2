import type {
  Action,
  Column,
  CustomRelationship,
  Relationship,
  RemoteRelationship,
  RemoteSchema,
  Table,
} from "../model/model.ts";
import type { AggregateFunction } from "../request/plan.ts";

/** What an output field stands for; planning reads it beside the graphql-js type. */
export type FieldMeaning =
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
  | { readonly kind: "aggregate-function"; readonly function: Exclude<AggregateFunction, "count"> }
  | { readonly kind: "affected-rows" }
  | { readonly kind: "returning"; readonly table: Table }
  | { readonly kind: "action-field" }
  | {
      readonly kind: "action-relationship";
      readonly relationship: CustomRelationship;
      readonly target: Table;
      readonly aggregate: boolean;
    };

export type Meanings = {
  set(type: string, field: string, meaning: FieldMeaning): void;
  get(type: string, field: string): FieldMeaning | undefined;
};

export function createMeanings(): Meanings {
  const byField = new Map<string, FieldMeaning>();
  return {
    set: (type, field, meaning) => void byField.set(`${type}.${field}`, meaning),
    get: (type, field) => byField.get(`${type}.${field}`),
  };
}
