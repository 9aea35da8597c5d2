import type { FieldNode, FragmentDefinitionNode, GraphQLSchema } from "graphql";
import type { JsonObject } from "../json/exact-json.ts";
import type {
  Action,
  Column,
  Relationship,
  RemoteRelationship,
  RemoteSchema,
  Table,
  UniqueConstraint,
} from "../model/model.ts";
import type { Expression, Parameter } from "../model/permissions/expression.ts";
import type { AggregateFunction, ColumnAggregate } from "../schema/aggregates.ts";

/**
 * A checked, normalised operation: fragments inlined, duplicates merged, `@skip`/`@include` decided, permissions of the
 * role already inside (filters, checks, presets, limits). `sql/` and `run/` need nothing but this and the parameters.
 */
export type Operation = {
  readonly kind: "query" | "mutation" | "subscription";
  readonly name: string | undefined;
  /** Document order; aliases are unique. */
  readonly rootFields: readonly RootField[];
  /** True when the plan depends on variables only through `Parameter`s of kind variable, so that it may be cached. */
  readonly reusable: boolean;
};

/** `field`: its name, for error paths. */
export type RootField = { readonly alias: string; readonly field: string } & (
  | { readonly kind: "typename"; readonly value: string }
  | { readonly kind: "table-query"; readonly query: TableQuery }
  | { readonly kind: "table-stream"; readonly stream: TableStream }
  | { readonly kind: "table-mutation"; readonly mutation: TableMutation }
  | { readonly kind: "action"; readonly call: ActionCall }
  | { readonly kind: "remote"; readonly call: RemoteCall }
  | {
      readonly kind: "introspection";
      readonly schema: GraphQLSchema;
      readonly node: FieldNode;
      readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
      readonly variables: Readonly<Record<string, unknown>>;
    }
);

// --- Queries --------------------------------------------------------------------------------------------------------

export type TableQuery =
  | { readonly kind: "list"; readonly select: ListSelect }
  | { readonly kind: "aggregate"; readonly select: AggregateSelect }
  /** At most one row; null when absent. `where` = role filter and key. No permission limit. */
  | { readonly kind: "by-pk"; readonly table: Table; readonly where: Expression; readonly rows: RowSelection };

/** Which rows, in which order. `where` holds the role's filter and the client's condition. */
export type RowSource = {
  readonly table: Table;
  readonly where: Expression;
  readonly distinctOn: readonly Column[];
  readonly orderBy: readonly OrderItem[];
  /** The client's; the effective limit of a list is the smaller of this and `permissionLimit`. */
  readonly limit: Parameter | undefined;
  readonly offset: Parameter | undefined;
  /** Of an aggregate: caps `nodes` only. */
  readonly permissionLimit: number | undefined;
};
export type ListSelect = RowSource & { readonly rows: RowSelection };
export type AggregateSelect = RowSource & { readonly fields: readonly AggregateOutput[] };

export type OrderItem = {
  readonly direction: "asc" | "desc";
  readonly nulls: "first" | "last";
  /** Object relationships from the own row to the ordering row, each with the target's role filter. */
  readonly through: readonly {
    readonly relationship: Relationship;
    readonly target: Table;
    readonly filter: Expression;
  }[];
  readonly by:
    | { readonly kind: "column"; readonly column: Column }
    | {
        readonly kind: "aggregate";
        readonly relationship: Relationship;
        readonly target: Table;
        readonly filter: Expression;
        readonly function: AggregateFunction;
        /** Undefined for `count`. */
        readonly column: Column | undefined;
      };
};

export type RowSelection = { readonly table: Table; readonly fields: readonly RowField[] };
/** `alias`: key in the answer, by the client. `field`: name in the schema. */
type Selected = { readonly alias: string; readonly field: string };

export type RowField = Selected &
  (
    | { readonly kind: "typename"; readonly value: string }
    /** `jsonPath`: keys and indexes of the `path` argument of json and jsonb columns. */
    | { readonly kind: "column"; readonly column: Column; readonly jsonPath: readonly string[] | undefined }
    /** `filter`: the target's role filter. */
    | {
        readonly kind: "object";
        readonly relationship: Relationship;
        readonly filter: Expression;
        readonly rows: RowSelection;
      }
    | { readonly kind: "array"; readonly relationship: Relationship; readonly select: ListSelect }
    | { readonly kind: "aggregate"; readonly relationship: Relationship; readonly select: AggregateSelect }
    /** SQL answers a JSON array of the left-hand columns' values; the join stage replaces it by the remote's answer. */
    | { readonly kind: "remote"; readonly join: RemoteJoin }
  );

export type AggregateOutput = Selected &
  (
    | { readonly kind: "typename"; readonly value: string }
    | { readonly kind: "aggregate"; readonly fields: readonly AggregateField[] }
    | { readonly kind: "nodes"; readonly rows: RowSelection }
  );
export type AggregateField = Selected &
  (
    | { readonly kind: "typename"; readonly value: string }
    | { readonly kind: "count"; readonly columns: readonly Column[]; readonly distinct: boolean }
    | {
        readonly kind: "function";
        readonly function: ColumnAggregate;
        readonly columns: readonly (Selected &
          (
            | { readonly kind: "column"; readonly column: Column }
            | { readonly kind: "typename"; readonly value: string }
          ))[];
      }
  );

/** The statement also returns the last cursor value of the batch as text (and `null` for an empty batch). */
export type TableStream = {
  readonly table: Table;
  readonly where: Expression;
  readonly cursor: { readonly column: Column; readonly ordering: "asc" | "desc"; readonly initialValue: Parameter };
  readonly batchSize: Parameter;
  readonly rows: RowSelection;
};

// --- Mutations ------------------------------------------------------------------------------------------------------

export type TableMutation =
  | { readonly kind: "insert"; readonly insert: Insert; readonly output: MutationOutput }
  /** Answers the one row, or null (conflict ignored). */
  | { readonly kind: "insert-one"; readonly insert: Insert; readonly output: RowSelection }
  | { readonly kind: "update"; readonly update: Update; readonly output: MutationOutput }
  | { readonly kind: "update-by-pk"; readonly update: Update; readonly output: RowSelection }
  | { readonly kind: "update-many"; readonly updates: readonly Update[]; readonly output: MutationOutput }
  | { readonly kind: "delete"; readonly table: Table; readonly where: Expression; readonly output: MutationOutput }
  | { readonly kind: "delete-by-pk"; readonly table: Table; readonly where: Expression; readonly output: RowSelection };

export type MutationOutput = readonly ({ readonly alias: string } & (
  | { readonly kind: "typename"; readonly value: string }
  | { readonly kind: "affected-rows" }
  | { readonly kind: "returning"; readonly rows: RowSelection }
))[];

export type Insert = {
  readonly table: Table;
  readonly rows: readonly InsertRow[];
  /** The role's insert check; TRUE for admin. */
  readonly check: Expression;
  readonly onConflict: OnConflict | undefined;
  /** Error path of the objects: `$.selectionSet.insert_t.args.objects`. */
  readonly path: string;
};
export type InsertRow = {
  /** Given and preset columns; all others are DEFAULT. The columns differ from row to row. */
  readonly values: readonly { readonly column: Column; readonly value: Parameter }[];
  /** The columns among them that the client gave: a relation may not decide them too. */
  readonly given: readonly Column[];
  /** Relations inserted before the row (its key columns come from there) and after it (their key columns come from the row). */
  readonly before: readonly NestedInsert[];
  readonly after: readonly NestedInsert[];
  /** `<objects path>[i]` where the objects hold nested data, else the objects' path. */
  readonly path: string;
  /** The row's own path: `<objects path>[i]`, of an object relation without an index. */
  readonly place: string;
};
export type NestedInsert = {
  readonly relationship: Relationship;
  readonly insert: Insert;
  /** `<row's path>.<relationship>`; its objects stand in `.data`. */
  readonly path: string;
};

export type OnConflict = {
  readonly constraint: UniqueConstraint;
  /** Empty = DO NOTHING. Includes columns with update presets. */
  readonly updates: readonly { readonly column: Column; readonly value: "excluded" | Parameter }[];
  /** Update permission's filter and the client's `where`. */
  readonly where: Expression;
  /** For rows that were updated: update check, or the insert check if metadata gives none. */
  readonly updateCheck: Expression;
};

export type Update = {
  readonly table: Table;
  /** Role filter and client condition. */
  readonly where: Expression;
  readonly sets: readonly UpdateSet[];
  /** TRUE where metadata gives no check. */
  readonly check: Expression;
};
export type UpdateSet = { readonly column: Column } & (
  | {
      readonly operator: "set" | "inc" | "append" | "prepend" | "delete-key" | "delete-elem";
      readonly value: Parameter;
    }
  /** `value` is a text[] literal. */
  | { readonly operator: "delete-at-path"; readonly value: Parameter }
);

// --- Actions and remote schemas -------------------------------------------------------------------------------------

export type ActionCall = {
  readonly action: Action;
  /** Argument values, absent optional ones absent; variables already resolved, numbers digit by digit. */
  readonly input: JsonObject;
  readonly selection: ActionSelection | undefined;
  /** The raw document, for `request_query`. */
  readonly requestQuery: string;
};
/** Selection over an action's output object. */
export type ActionSelection = { readonly typeName: string; readonly fields: readonly ActionField[] };
export type ActionField = { readonly alias: string } & (
  | { readonly kind: "typename"; readonly value: string }
  | { readonly kind: "field"; readonly name: string; readonly selection: ActionSelection | undefined }
  /** `select` has the role's filter; rows are matched by `mapping`, which the runner adds. */
  | {
      readonly kind: "object";
      readonly name: string;
      readonly mapping: readonly { readonly field: string; readonly column: Column }[];
      readonly target: Table;
      readonly filter: Expression;
      readonly rows: RowSelection;
    }
  | {
      readonly kind: "array";
      readonly name: string;
      readonly mapping: readonly { readonly field: string; readonly column: Column }[];
      readonly select: ListSelect;
    }
  | {
      readonly kind: "aggregate";
      readonly name: string;
      readonly mapping: readonly { readonly field: string; readonly column: Column }[];
      readonly select: AggregateSelect;
    }
);

/** A client's root field of a remote schema: the normalised field with its sub-selection, variables resolved to literals. */
export type RemoteCall = {
  readonly remote: RemoteSchema;
  readonly operation: "query" | "mutation";
  readonly node: RemoteField;
};
/** One remote field as sent upstream. Argument values are GraphQL literal text; presets are merged in by `remote-schema/`. */
export type RemoteField = {
  readonly alias: string;
  readonly name: string;
  /** Type the field belongs to. */
  readonly parentType: string;
  readonly arguments: ReadonlyMap<string, RemoteValue>;
  readonly selection: readonly RemoteSelection[] | undefined;
};
export type RemoteSelection =
  | { readonly kind: "field"; readonly field: RemoteField }
  /** Kept for interfaces and unions. */
  | { readonly kind: "inline-fragment"; readonly onType: string; readonly selection: readonly RemoteSelection[] };
/** A GraphQL input value with variables resolved. `text` numbers and enums are literal text. */
export type RemoteValue =
  | { readonly kind: "null" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "list"; readonly items: readonly RemoteValue[] }
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, RemoteValue> };

export type RemoteJoin = {
  readonly relationship: RemoteRelationship;
  readonly remote: RemoteSchema;
  /** Arguments the caller gave for what the relationship leaves open, by argument name of the last path field. */
  readonly arguments: ReadonlyMap<string, RemoteValue>;
  readonly selection: readonly RemoteSelection[] | undefined;
  /** Upstream type of the innermost field, for printing. */
  readonly parentType: string;
};
