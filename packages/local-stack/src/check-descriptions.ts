import { ANONYMOUS_ROLE, HASURA_ROLES } from "@control-plane/service-kit";
import { buildSchema } from "graphql";
import pg from "pg";
import { type DescribedParts, findUndescribed } from "./metadata-rules/find-undescribed.ts";
import { openOfflineEngine } from "./offline-engine.ts";

/** What nobody described, in the schema of any role and of Hasura's admin, which has every column. */
export async function checkDescriptions(databaseUrl: string): Promise<string[]> {
  const engine = await openOfflineEngine(databaseUrl);
  try {
    const { model } = engine.state();
    const tables = new Map(
      [...model.tables.values()].map((table) => [table.graphqlName, new Set(table.remoteRelationships.keys())]),
    );
    const parts: DescribedParts = { tables, enums: await readEnums(databaseUrl) };
    const found = ["admin", ANONYMOUS_ROLE, ...HASURA_ROLES].flatMap((role) =>
      findUndescribed(buildSchema(engine.sdl(role)), parts),
    );
    return [...new Set(found)];
  } finally {
    await engine.close();
  }
}

async function readEnums(databaseUrl: string): Promise<Map<string, string[]>> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: "descriptions" });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; values: string[] }>(
      `select t.typname as name, array_agg(e.enumlabel::text order by e.enumsortorder) as values
       from pg_type t join pg_enum e on e.enumtypid = t.oid where t.typnamespace = 'public'::regnamespace group by 1`,
    );
    return new Map(rows.map(({ name, values }) => [name, values]));
  } finally {
    await client.end();
  }
}
