type Json = Readonly<Record<string, unknown>>;

/** A merged metadata object over `public.things`, to be spoilt by a test. */
export function metadataObject(
  parts: { readonly table?: Json; readonly source?: Json; readonly root?: Json } = {},
): Json {
  return {
    version: 3,
    sources: [
      {
        name: "default",
        kind: "postgres",
        configuration: { connection_info: { database_url: { from_env: "PG_DATABASE_URL" } } },
        tables: [{ table: { schema: "public", name: "things" }, ...parts.table }],
        ...parts.source,
      },
    ],
    ...parts.root,
  };
}

export function permission(body: Json): readonly Json[] {
  return [{ role: "user", permission: body }];
}

export function action(definition: Json, name = "act"): Json {
  return { name, definition: { handler: "http://localhost", output_type: "String", ...definition } };
}
