import type { GraphQLSchema } from "graphql";
import type { PgType } from "../catalog/pg-type.ts";
import type { Expression } from "./permissions/expression.ts";

/**
 * The resolved model: metadata and catalogue joined, every name looked up, environment templates filled in, everything
 * that does not resolve taken out and reported. All later stages read only this.
 */
export type Model = {
  /** Rises with every load. */
  readonly version: number;
  /** By `schema.name`. Tracked tables only. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly actions: readonly Action[];
  readonly customTypes: CustomTypes;
  /** By the scalar's name: what actions declare, and the comments of native enums, which Hasura leaves out. */
  readonly scalarDescriptions: ReadonlyMap<string, string>;
  readonly remoteSchemas: readonly RemoteSchema[];
  readonly eventTriggers: readonly EventTrigger[];
  readonly cronTriggers: readonly CronTrigger[];
  /** Every role named in any permission, without `admin`. */
  readonly roles: ReadonlySet<string>;
  readonly introspectionDisabledRoles: ReadonlySet<string>;
  readonly inconsistencies: readonly Inconsistency[];
};

/** As `get_inconsistent_metadata` answers it, plus `code`, which the HTTP API leaves out. */
export type Inconsistency = {
  readonly type: string;
  readonly name: string;
  readonly reason: string;
  readonly definition: unknown;
  readonly code: string;
};

export type Column = {
  /** Database name. */
  readonly name: string;
  readonly graphqlName: string;
  readonly type: PgType;
  readonly nullable: boolean;
  /** Generated and identity-always columns cannot be written. */
  readonly insertable: boolean;
  readonly updatable: boolean;
  readonly comment: string | undefined;
  /** Set when a single-column foreign key leads to an enum table: the table's key. The field then has type `<t>_enum`. */
  readonly enumTable: string | undefined;
};

export type UniqueConstraint = {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly primary: boolean;
};

export type Table = {
  /** `schema.name`, the key of `Model.tables`. */
  readonly key: string;
  readonly schema: string;
  readonly name: string;
  /** Base name of its types and root fields. */
  readonly graphqlName: string;
  readonly kind: "table" | "view" | "materialized-view" | "partitioned-table" | "foreign-table";
  readonly comment: string | undefined;
  readonly columns: ReadonlyMap<string, Column>;
  /** Undefined where there is no primary key. In the key's order. */
  readonly primaryKey: readonly Column[] | undefined;
  /** The primary key's and all unique constraints, by name. */
  readonly uniqueConstraints: readonly UniqueConstraint[];
  readonly viewInsertable: boolean;
  readonly viewUpdatable: boolean;
  readonly viewDeletable: boolean;
  readonly rootFields: RootFieldNames;
  /** By GraphQL field name. Complete and mutable only while the model is built. */
  readonly relationships: ReadonlyMap<string, Relationship>;
  readonly remoteRelationships: ReadonlyMap<string, RemoteRelationship>;
  /** Of enum tables (`is_enum`): value -> description. */
  readonly enumValues: ReadonlyMap<string, string | undefined> | undefined;
  /** By role. `admin` is not in here: see `adminPermissions`. */
  readonly permissions: ReadonlyMap<string, TablePermissions>;
};

/** GraphQL names and comments of a table's root fields (defaults or `custom_root_fields`). */
export type RootFieldNames = {
  readonly [kind in RootFieldKind]: { readonly name: string; readonly comment: string | undefined };
};
export type RootFieldKind =
  | "select"
  | "select_by_pk"
  | "select_aggregate"
  | "select_stream"
  | "insert"
  | "insert_one"
  | "update"
  | "update_by_pk"
  | "update_many"
  | "delete"
  | "delete_by_pk";

export type Relationship = {
  readonly name: string;
  readonly kind: "object" | "array";
  /** Key of the target in `Model.tables`. */
  readonly target: string;
  /** Pairs own column -> target column. */
  readonly columns: readonly { readonly own: Column; readonly target: Column }[];
  /** True for a forward foreign key none of whose columns is nullable: the object field is then non-null. */
  readonly required: boolean;
  /**
   * Order of nested inserts. `before-parent`: object relation over this table's own key columns. `after-parent`: array
   * relations, reverse one-to-one, manual with `insertion_order: after_parent`.
   */
  readonly insertion: "before-parent" | "after-parent";
  readonly comment: string | undefined;
};

export type RemoteRelationship = {
  readonly name: string;
  readonly remoteSchema: string;
  readonly lhsColumns: readonly Column[];
  /** From the query root down; each with its joined and constant arguments (`$column` marks a joined value). */
  readonly path: readonly { readonly field: string; readonly arguments: ReadonlyMap<string, RemoteArgument> }[];
};
export type RemoteArgument =
  | { readonly kind: "column"; readonly column: Column }
  | { readonly kind: "constant"; readonly value: unknown }
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, RemoteArgument> }
  | { readonly kind: "list"; readonly items: readonly RemoteArgument[] };

/** Undefined = the role lacks that operation. */
export type TablePermissions = {
  readonly select: SelectPermission | undefined;
  readonly insert: InsertPermission | undefined;
  readonly update: UpdatePermission | undefined;
  readonly delete: DeletePermission | undefined;
};
export type SelectPermission = {
  /** Keys are database column names. */
  readonly columns: ReadonlySet<string>;
  readonly filter: Expression;
  readonly limit: number | undefined;
  readonly allowAggregations: boolean;
  /** Undefined = all. */
  readonly queryRootFields: ReadonlySet<"select" | "select_by_pk" | "select_aggregate"> | undefined;
  readonly subscriptionRootFields:
    | ReadonlySet<"select" | "select_by_pk" | "select_aggregate" | "select_stream">
    | undefined;
};
export type Preset = { readonly column: Column; readonly value: PresetValue };
export type PresetValue =
  | { readonly kind: "session"; readonly variable: string }
  /** JSON of the metadata. */
  | { readonly kind: "literal"; readonly value: unknown };
export type InsertPermission = {
  /** Without preset columns. */
  readonly columns: ReadonlySet<string>;
  readonly check: Expression;
  readonly presets: readonly Preset[];
  readonly backendOnly: boolean;
};
export type UpdatePermission = {
  readonly columns: ReadonlySet<string>;
  readonly filter: Expression;
  /** Undefined: metadata gave none, nothing is checked after the update. */
  readonly check: Expression | undefined;
  readonly presets: readonly Preset[];
  readonly backendOnly: boolean;
};
export type DeletePermission = { readonly filter: Expression; readonly backendOnly: boolean };

// --- Hasura actions -------------------------------------------------------------------------------------------------

export type HeaderSetting = { readonly name: string; readonly value: string };

export type Action = {
  readonly name: string;
  readonly operation: "query" | "mutation";
  readonly comment: string | undefined;
  /** GraphQL type text per argument, for example `[uuid!]!`. */
  readonly arguments: readonly {
    readonly name: string;
    readonly type: string;
    readonly description: string | undefined;
  }[];
  readonly outputType: string;
  /** Environment templates filled in. */
  readonly url: string;
  /** With its templates, for people: what the environment fills in may be a secret. */
  readonly writtenUrl: string;
  readonly headers: readonly HeaderSetting[];
  readonly forwardClientHeaders: boolean;
  readonly ignoredClientHeaders: readonly string[] | undefined;
  readonly timeoutSeconds: number;
  readonly roles: ReadonlySet<string>;
};
export type CustomTypes = {
  readonly enums: ReadonlyMap<
    string,
    {
      readonly values: readonly { readonly value: string; readonly description: string | undefined }[];
      readonly description: string | undefined;
    }
  >;
  readonly inputObjects: ReadonlyMap<
    string,
    { readonly fields: readonly CustomField[]; readonly description: string | undefined }
  >;
  readonly objects: ReadonlyMap<string, CustomObject>;
  readonly scalars: ReadonlyMap<string, { readonly description: string | undefined }>;
  /** PG scalars named by actions without declaration (`uuid`, `jsonb` …). */
  readonly pgScalars: ReadonlySet<string>;
};
export type CustomField = { readonly name: string; readonly type: string; readonly description: string | undefined };
export type CustomObject = {
  readonly name: string;
  readonly description: string | undefined;
  readonly fields: readonly CustomField[];
  readonly relationships: readonly CustomRelationship[];
};
export type CustomRelationship = {
  readonly name: string;
  readonly kind: "object" | "array";
  readonly target: string;
  /** Field of the object -> column of the target table. */
  readonly mapping: readonly { readonly field: string; readonly column: Column }[];
};

// --- Remote schemas -------------------------------------------------------------------------------------------------

export type RemoteSchema = {
  readonly name: string;
  readonly url: string;
  /** As that of an action. */
  readonly writtenUrl: string;
  readonly headers: readonly HeaderSetting[];
  readonly forwardClientHeaders: boolean;
  readonly timeoutSeconds: number;
  readonly comment: string | undefined;
  /** The upstream's whole schema as introspected. */
  readonly schema: GraphQLSchema;
  /** By role: what the role may see, with its presets. `admin` sees `schema` itself. */
  readonly roles: ReadonlyMap<string, RemoteRoleSchema>;
};
export type RemoteRoleSchema = {
  /** Parsed role SDL without the preset arguments and fields. */
  readonly schema: GraphQLSchema;
  /** `Type.field.argument` or `InputType.field` -> preset. */
  readonly presets: ReadonlyMap<string, RemotePreset>;
};
export type RemotePreset =
  | { readonly kind: "session"; readonly variable: string; readonly type: string }
  /** GraphQL literal text. */
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, RemotePreset> }
  | { readonly kind: "list"; readonly items: readonly RemotePreset[] }
  /** An input object all of whose fields are preset: it is invisible and always sent, filled with these presets. */
  | { readonly kind: "filled" };

// --- Events and crons -----------------------------------------------------------------------------------------------

export type EventTrigger = {
  readonly name: string;
  readonly table: Table;
  /** Undefined = this operation is not listened to. `payload` undefined = all columns; `columns` only matters for update. */
  readonly insert: EventOperation | undefined;
  readonly update: EventOperation | undefined;
  readonly delete: EventOperation | undefined;
  readonly url: string;
  readonly headers: readonly HeaderSetting[];
  readonly retry: { readonly numRetries: number; readonly intervalSeconds: number; readonly timeoutSeconds: number };
};
export type EventOperation = { readonly columns: readonly Column[]; readonly payload: readonly Column[] };

export type CronTrigger = {
  readonly name: string;
  readonly url: string;
  /** Five fields, UTC. */
  readonly schedule: string;
  readonly payload: unknown;
  readonly comment: string | undefined;
  readonly headers: readonly HeaderSetting[];
  readonly retry: {
    readonly numRetries: number;
    readonly intervalSeconds: number;
    readonly timeoutSeconds: number;
    readonly toleranceSeconds: number;
  };
};
