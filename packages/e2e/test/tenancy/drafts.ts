import { randomBytes } from "node:crypto";
import type { TestTenant } from "@control-plane/testkit";
import type pg from "pg";

/** Rows by table that may be changed and deleted: nothing refers to them, none of them is published. */
export type Drafts = ReadonlyMap<string, string>;

/** A new set. What a table's permissions let somebody delete must be in it. */
export async function addDrafts(sql: pg.Pool, tenant: TestTenant, mark: string): Promise<Drafts> {
  const name = (kind: string): string => `${mark}-${kind}-${randomBytes(4).toString("hex")}`;
  const app = await sql.query<{ id: string }>(
    "insert into apps (tenant_id, slug, name, description) values ($1, $2, $2, $3) returning id",
    [tenant.id, name("app"), mark],
  );
  const versioned = await tenant.app({
    slug: name("versioned"),
    published: false,
    version: { changelog: mark },
    actions: [{ key: "call", name: mark }],
  });
  const drafted = await tenant.workflow({ name: name("drafted"), published: false });
  const draft = await drafted.draft({ steps: [{ key: "echo", action: "core.echo", input: { text: mark } }] });
  const trigger = await drafted.webhook({ name: mark });
  const empty = await tenant.workflow({ name: name("empty"), published: false });
  return new Map([
    ["apps", app.rows[0]?.id ?? ""],
    ["app_versions", versioned.version.id],
    ["actions", versioned.actions[0]?.id ?? ""],
    ["workflow_versions", draft.id],
    ["triggers", trigger.id],
    ["workflows", empty.id],
    ["drafted workflow", drafted.id],
  ]);
}
