import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderPermissionMatrix } from "../src/generate/render-permission-matrix.ts";
import { permissionsTwinSchema } from "../src/metadata-rules/permissions-twin.ts";
import { findRouteProblems } from "../src/metadata-rules/route-cells.ts";
import { readShippedTwin, repository } from "./read-metadata.ts";

const twin = permissionsTwinSchema.parse(readShippedTwin());
const page = renderPermissionMatrix(twin);

test("the matrix on file is that of the permissions", () => {
  expect(readFileSync(join(repository, "docs/reference/permission-matrix.md"), "utf8")).toBe(page);
});

test("it says who may do what, to which column, and to which rows", () => {
  expect(page).toContain("| [workflows](#workflows) | O A B V | O A B . | O A B . | O A B . | O A . . | 100 |");
  expect(page).toContain("| description | O A B V | O A B . | O A B . |");
  expect(page).toContain("| delete | O A . . | `MINE and not (workflow_versions.published_at is not null)` |  |");
  expect(page).toContain("| login | mutation | yes | . . . . | auth-actions |");
  expect(page).toContain("| orchestrator | `POST /runner/v1/runs/:runId/claim` | runner-token |");
});

test("each HTTP route of each service is decided once, and no other is", () => {
  const { "POST /v1/metadata": _undecided, ...others } = twin.routes["hasura-engine"];
  const twice = { ...others, "GET /healthz*": [], "POST /v2/query": [] };

  expect(findRouteProblems(twin)).toEqual([]);
  expect(findRouteProblems({ ...twin, routes: { ...twin.routes, "hasura-engine": twice } })).toEqual([
    "hasura-engine GET /healthz is decided 2 times",
    "hasura-engine POST /v1/metadata is decided 0 times",
    "hasura-engine has no route POST /v2/query",
  ]);
});
