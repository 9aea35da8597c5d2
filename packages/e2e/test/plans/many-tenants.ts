import pg from "pg";

/** Few rows are a tenant's here. A small table is read whole with good reason, so these need more tenants than others. */
const OF_CATALOGUE = ["apps", "app_versions", "actions"];

/**
 * Copies a tenant's rows so often that the planner has a choice: other tenants with rows of the same shape. Triggers and
 * foreign keys are left aside, as every copy points at its own.
 */
export async function copyTenant(databaseUrl: string, tenantId: string, copies: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query("set session_replication_role = replica");
    await client.query("alter table audit_events disable trigger all");
    const tables = await readTables(client);
    const ids: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ id: string }>(`select id from ${name} t where ${ownedBy(name)}`, [
        tenantId,
      ]);
      ids.push(...rows.map(({ id }) => id));
    }
    const inserts = tables.map(({ name, columns }) => {
      const names = columns.map((column) => column.name).join(", ");
      const values = columns.map(copied).join(", ");
      const times = OF_CATALOGUE.includes(name) ? 8 : 1;
      return `insert into ${name} (${names}) select ${values} from ${name} t, generate_series(1, $3 * ${times}) k
               where ${ownedBy(name)} and $2::uuid[] is not null`;
    });
    // The users of a tenant are found by its memberships: before those are copied.
    for (const insert of inserts.toReversed()) await client.query(insert, [tenantId, ids, copies]);
    await client.query("alter table audit_events enable trigger all");
    await client.query("analyze");
  } finally {
    await client.end();
  }
}

type Column = { readonly name: string; readonly type: string };

/** Ids of the tenant become those of the copy, what must be unique gets its number. */
function copied({ name, type }: Column): string {
  if (type === "uuid") return `case when t.${name} = any($2) then md5(t.${name}::text || k)::uuid else t.${name} end`;
  if (name === "webhook_path") return `left(md5(t.${name} || k) || md5(t.${name}), length(t.${name}))`;
  if (["slug", "email"].includes(name)) return `t.${name} || '-' || k`;
  if (type === "bytea" && /_(hash|key)$/.test(name)) return `sha256(t.${name} || int4send(k))`;
  return `t.${name}`;
}

function ownedBy(table: string): string {
  if (table === "tenants") return "t.id = $1";
  if (table === "users") return "t.id in (select user_id from memberships where tenant_id = $1)";
  return "t.tenant_id = $1";
}

/** `memberships` first. */
async function readTables(client: pg.Client): Promise<{ name: string; columns: Column[] }[]> {
  const { rows } = await client.query<{ name: string; columns: Column[] }>(
    `select relname as name,
            json_agg(json_build_object('name', attname, 'type', format_type(atttypid, null)) order by attnum) as columns
       from pg_class c join pg_attribute a on attrelid = c.oid
      where relnamespace = 'public'::regnamespace and relkind = 'r'
        and attnum > 0 and not attisdropped and attgenerated = ''
      group by c.oid, relname
     having bool_or(attname = 'tenant_id') or relname in ('tenants', 'users')
      order by relname = 'memberships' desc, relname`,
  );
  return rows;
}
