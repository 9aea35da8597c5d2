import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { hasuraDir } from "../check-metadata.ts";
import { rootDir } from "../clone.ts";
import { permissionsTwinSchema } from "../metadata-rules/permissions-twin.ts";
import { renderPermissionMatrix } from "./render-permission-matrix.ts";

const twin = permissionsTwinSchema.parse(parse(readFileSync(join(hasuraDir, "permissions.yaml"), "utf8")));
writeFileSync(join(rootDir, "docs/reference/permission-matrix.md"), renderPermissionMatrix(twin));
