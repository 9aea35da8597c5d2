import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { hasuraDir } from "../check-metadata.ts";
import { permissionsTwinSchema } from "../metadata-rules/permissions-twin.ts";
import { writeTablePermissions } from "./write-table-permissions.ts";

// The permission entries of hasura/metadata/databases/default/tables/*.yaml, as hasura/permissions.yaml states them.
const twin = permissionsTwinSchema.parse(parse(readFileSync(join(hasuraDir, "permissions.yaml"), "utf8")));
const tablesDir = join(hasuraDir, "metadata/databases/default/tables");
const files = readdirSync(tablesDir).filter((name) => name !== "tables.yaml");

const untracked = Object.keys(twin.tables).filter((table) => !files.includes(`public_${table}.yaml`));
if (untracked.length > 0) throw new Error(`tables of permissions.yaml without a file in ${tablesDir}: ${untracked}`);

for (const name of files) {
  const file = join(tablesDir, name);
  writeFileSync(file, writeTablePermissions(readFileSync(file, "utf8"), twin));
}
