import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderPermissionMatrix } from "../src/generate/render-permission-matrix.ts";
import { permissionsTwinSchema } from "../src/metadata-rules/permissions-twin.ts";
import { readShippedTwin, repository } from "./read-metadata.ts";

const page = renderPermissionMatrix(permissionsTwinSchema.parse(readShippedTwin()));

test("the matrix on file is that of the permissions", () => {
  expect(readFileSync(join(repository, "docs/reference/permission-matrix.md"), "utf8")).toBe(page);
});

test("it says who may do what, to which column, and to which rows", () => {
  expect(page).toContain("| [workflows](#workflows) | O A B V | O A B . | O A B . | O A B . | O A . . | 100 |");
  expect(page).toContain("| description | O A B V | O A B . | O A B . |");
  expect(page).toContain("| delete | O A . . | `MINE and not (workflow_versions.published_at is not null)` |  |");
  expect(page).toContain("| login | mutation | yes | . . . . | auth-actions |");
});
