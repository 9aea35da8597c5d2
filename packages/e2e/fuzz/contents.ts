import pg from "pg";

/** A table that holds rows of tenants, the condition for those of tenant $1, and its columns that are written. */
type Owned = {
  readonly table: string;
  readonly where: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
};

/** Deletes a tenant with everything that is its own. Users who are members elsewhere stay. */
export async function deleteTenant(databaseUrl: string, tenantId: string): Promise<void> {
  await unguarded(databaseUrl, async (client) => {
    for (const { table, where } of await ownedTables(client))
      await client.query(`delete from ${table} t where ${where}`, [tenantId]);
    await client.query("delete from users u where not exists (select from memberships m where m.user_id = u.id)");
  });
}

/** What a value of the type becomes. Ids and keys stay as they are, so that documents still name the rows. */
const REPLACED: Readonly<Record<string, string>> = {
  text: "reverse(c) || 'zz'",
  jsonb: `'{"replaced": [1, "zz"]}'::jsonb || case jsonb_typeof(c) when 'object' then '{}'::jsonb else '[]'::jsonb end`,
  "timestamp with time zone": "c - interval '400 days'",
  integer: "c + 1",
  bigint: "c + 1000",
  boolean: "not c",
};

/** Gives a tenant's rows other contents, column by column, wherever no constraint forbids it. Returns how many changed. */
export async function replaceContents(databaseUrl: string, tenantId: string): Promise<number> {
  return unguarded(databaseUrl, async (client) => {
    let changed = 0;
    for (const { table, where, columns } of await ownedTables(client)) {
      for (const { name, type } of columns) {
        const replaced = REPLACED[type]?.replaceAll(/\bc\b/g, name);
        if (replaced === undefined) continue;
        const update = `update ${table} t set ${name} = ${replaced} where ${where} and ${name} is not null`;
        changed += (await client.query(update, [tenantId]).catch(constrained))?.rowCount ?? 0;
      }
    }
    return changed;
  });
}

/** A constraint keeps the value as it is. */
function constrained(error: unknown): undefined {
  if (error instanceof pg.DatabaseError && error.code?.startsWith("23") === true) return undefined;
  throw error;
}

async function unguarded<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // Neither triggers nor foreign keys, but for the one that keeps the trail.
    await client.query("set session_replication_role = replica");
    await client.query("alter table audit_events disable trigger all");
    const done = await work(client);
    await client.query("alter table audit_events enable trigger all");
    // The rows that are left lie without holes, which later ones would fill.
    for (const { table } of await ownedTables(client)) await client.query(`vacuum full ${table}`);
    return done;
  } finally {
    await client.end();
  }
}

async function ownedTables(client: pg.Client): Promise<Owned[]> {
  const { rows } = await client.query<Owned>(
    `select c.oid::regclass::text as table,
            case when c.oid = 'tenants'::regclass then 't.id = $1' else 't.tenant_id = $1' end as where,
            json_agg(json_build_object('name', quote_ident(attname), 'type', format_type(atttypid, null))) as columns
       from pg_class c join pg_attribute a on attrelid = c.oid
      where relnamespace in ('public'::regnamespace, 'internal'::regnamespace) and relkind = 'r'
        and attnum > 0 and not attisdropped and attgenerated = '' and attidentity = ''
      group by c.oid having c.oid = 'tenants'::regclass or bool_or(attname = 'tenant_id')`,
  );
  return rows;
}
