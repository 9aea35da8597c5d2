import { actions, appVersions } from "@control-plane/db";
import { validateAppVersion } from "@control-plane/runs";
import { eq, isNull } from "drizzle-orm";
import { expect } from "vitest";
import { judgeUrl } from "../src/domain/publishing/judge-url.ts";
import { test } from "./service.ts";

test("every app of the global catalogue would be published as it is", async ({ db }) => {
  const versions = await db.db.select().from(appVersions).where(isNull(appVersions.tenantId));
  const problems = [];
  for (const version of versions) {
    const stored = await db.db.select().from(actions).where(eq(actions.appVersionId, version.id));
    problems.push(...validateAppVersion(version, stored, { allowsBuiltIns: true, judgeUrl: judgeUrl([]) }));
  }

  expect(versions.length).toBeGreaterThanOrEqual(4);
  expect(problems).toEqual([]);
});
