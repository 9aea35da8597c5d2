import { findUnsupported } from "./find-unsupported.ts";
import { type Metadata, metadataSchema, type SourceMetadata } from "./metadata.ts";
import { issuesToProblems, type Problem, pointerText } from "./problem.ts";
import { tableKey } from "./table-name.ts";

export type ParseResult = { readonly metadata: Metadata } | { readonly problems: readonly Problem[] };
type Env = Readonly<Record<string, string | undefined>>;

/**
 * Checks a merged metadata object strictly. Every problem is reported, also each feature the engine lacks; whether names
 * resolve is the model's business.
 * @param placeOf names the file a part came from; default: its JSON pointer.
 */
export function parseMetadata(
  object: unknown,
  env: Env,
  placeOf: (path: readonly PropertyKey[]) => string = pointerText,
): ParseResult {
  const parsed = metadataSchema.safeParse(object);
  if (!parsed.success) return { problems: issuesToProblems(parsed.error.issues, placeOf) };
  const { sources, graphql_schema_introspection, ...rest } = parsed.data;
  const [source] = sources;
  if (source === undefined) return { problems: [{ place: placeOf(["sources"]), message: "one source must be given" }] };
  const problems = [
    ...repeated(
      source.tables.map(({ table }) => tableKey(table)),
      "table",
      (index) => placeOf(["sources", 0, "tables", index]),
    ),
    ...repeated(
      rest.actions.map(({ name }) => name),
      "action",
      (index) => placeOf(["actions", index]),
    ),
    ...repeated(
      rest.remote_schemas.map(({ name }) => name),
      "remote schema",
      (index) => placeOf(["remote_schemas", index]),
    ),
    ...repeated(
      rest.cron_triggers.map(({ name }) => name),
      "cron trigger",
      (index) => placeOf(["cron_triggers", index]),
    ),
    ...repeatedInTables(source, placeOf),
    ...(["actions", "remote_schemas"] as const).flatMap((list) =>
      rest[list].flatMap(({ permissions }, index) =>
        repeated(
          permissions.map(({ role }) => role),
          "permission for role",
          (permission) => placeOf([list, index, "permissions", permission]),
        ),
      ),
    ),
    ...findUnsupported(rest, placeOf),
  ];
  if (problems.length > 0) return { problems };
  const metadata: Metadata = {
    actions: rest.actions,
    custom_types: rest.custom_types,
    remote_schemas: rest.remote_schemas,
    cron_triggers: rest.cron_triggers,
    source,
    databaseUrl: databaseUrlOf(source, env),
    introspectionDisabledRoles: graphql_schema_introspection?.disabled_for_roles ?? [],
    raw: object,
  };
  return { metadata };
}

function databaseUrlOf(source: SourceMetadata, env: Env): string | undefined {
  const url = source.configuration.connection_info.database_url;
  if (typeof url === "string") return url;
  return "from_env" in url ? env[url.from_env] : undefined;
}

function repeatedInTables(source: SourceMetadata, placeOf: (path: readonly PropertyKey[]) => string): Problem[] {
  return source.tables.flatMap((table, tableIndex) => {
    const place = (list: string) => (index: number) => placeOf(["sources", 0, "tables", tableIndex, list, index]);
    const permissions = [
      "select_permissions",
      "insert_permissions",
      "update_permissions",
      "delete_permissions",
    ] as const;
    return permissions.flatMap((list) =>
      repeated(
        table[list].map(({ role }) => role),
        `${list} for role`,
        place(list),
      ),
    );
  });
}

function repeated(names: readonly string[], noun: string, placeOf: (index: number) => string): Problem[] {
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [{ place: placeOf(index), message: `the ${noun} "${name}" is declared more than once` }],
  );
}
