import { createMetrics } from "@control-plane/service-kit";
import { recordLog } from "@control-plane/testkit";
import { expect } from "vitest";
import { buildServer } from "../src/server.ts";
import { askPage, SECRET } from "./page.ts";
import { test } from "./service.ts";

test("a statement that fails writes neither itself nor whom it asked about to the log or the answer", async ({
  service,
  acme,
  db,
}) => {
  const { log, text } = recordLog("logs-schema");
  const server = await buildServer(
    { ...service.deps, log, metrics: createMetrics("logs-schema") },
    { secrets: [SECRET], trustedProxies: [] },
  );
  await db.pool.query("alter table memberships rename column role to part");

  const reply = await askPage({ server }, { caller: acme.viewer }, "getRunLogs", { workflowRunId: acme.run.id });
  await server.close();

  for (const said of [text(), JSON.stringify(reply)])
    for (const secret of [acme.viewer.id, "params", "select "]) expect(said).not.toContain(secret);
  expect(text()).toContain("42703");
});
