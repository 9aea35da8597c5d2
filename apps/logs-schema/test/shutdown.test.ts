import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import { processEnvironment } from "@control-plane/testkit";
import { expect } from "vitest";
import { cursorText, headersFor } from "./page.ts";
import { environment, test } from "./service.ts";

const main = join(import.meta.dirname, "../src/main.ts");

test("a signal ends the process with 0 as soon as the page that waits is answered", { timeout: 60_000 }, async ({
  db,
  logs,
  acme,
}) => {
  await acme.write({});
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, ["--conditions=@control-plane/source", main], {
    env: {
      ...processEnvironment,
      ...environment({ databaseUrl: db.urlAs("cp_logs"), mongoUrl: logs.url }),
      PORT: String(port),
    },
    stdio: "ignore",
  });
  const exit = once(child, "exit");
  const statusOf = (path: string) => fetch(`${url}${path}`).then(({ status }) => status, String);
  await expect.poll(() => statusOf("/ready")).toBe(200);
  const waiting = fetch(`${url}/graphql`, {
    method: "POST",
    headers: headersFor({ caller: acme.viewer }),
    body: JSON.stringify({
      query: `query ($t: String!, $r: ID!, $after: String) {
        getRunLogs(tenantId: $t, workflowRunId: $r, after: $after, waitMs: 20000) { lines { seq } endCursor error }
      }`,
      variables: { t: acme.id, r: acme.run.id, after: cursorText("1.1") },
    }),
  });
  // The page is being waited for once the service has asked PostgreSQL on its behalf.
  await expect
    .poll(async () => {
      const { rowCount } = await db.pool.query(
        "select 1 from pg_stat_activity where datname = $1 and application_name like 'logs-schema %' and query like '%workflow_runs%'",
        [db.name],
      );
      return rowCount;
    })
    .toBeGreaterThan(0);

  child.kill("SIGTERM");
  const answer = await (await waiting).json();

  expect(answer).toEqual({ data: { getRunLogs: { lines: [], endCursor: cursorText("1.1"), error: null } } });
  expect(await exit).toEqual([0, null]);
});
