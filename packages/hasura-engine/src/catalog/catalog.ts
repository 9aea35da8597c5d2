import type { PgType } from "./pg-type.ts";

/** What PostgreSQL says about the tables, before metadata gives names. */
export type Catalog = {
  /** By `schema.name`. */
  readonly tables: ReadonlyMap<string, CatalogTable>;
  /** Every base, domain, enum, range and composite type by its name, `pg_catalog` and `public` first. */
  readonly types: ReadonlyMap<string, PgType>;
  /** Rows of the enum tables that were asked for, by `schema.name`. */
  readonly enumRows: ReadonlyMap<string, readonly (readonly (string | null)[])[]>;
};

export type CatalogTable = {
  readonly schema: string;
  readonly name: string;
  readonly kind: "table" | "view" | "materialized-view" | "partitioned-table" | "foreign-table";
  readonly comment: string | undefined;
  readonly columns: readonly CatalogColumn[];
  /** In the key's order. */
  readonly primaryKey: CatalogKey | undefined;
  /** Unique constraints and unique indexes without predicate and expressions; not the primary key. */
  readonly uniqueKeys: readonly CatalogKey[];
  readonly foreignKeys: readonly CatalogForeignKey[];
  readonly insertable: boolean;
  readonly updatable: boolean;
  readonly deletable: boolean;
};

export type CatalogKey = { readonly name: string; readonly columns: readonly string[] };
export type CatalogForeignKey = CatalogKey & {
  /** `schema.name`. */
  readonly target: string;
  readonly targetColumns: readonly string[];
};

export type CatalogColumn = {
  readonly name: string;
  readonly type: PgType;
  /** Extension that owns the type (of arrays: the element type). */
  readonly typeExtension: string | undefined;
  readonly nullable: boolean;
  readonly generated: boolean;
  readonly identity: "always" | "by-default" | undefined;
  readonly comment: string | undefined;
};
