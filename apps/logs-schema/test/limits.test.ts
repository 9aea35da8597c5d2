import type { TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { z } from "zod";
import { headersFor } from "./page.ts";
import { type Service, test } from "./service.ts";

const answerSchema = z.object({
  data: z.record(z.string(), z.object({ lines: z.array(z.unknown()) })).nullish(),
  errors: z.array(z.object({ extensions: z.looseObject({ code: z.string() }) })).optional(),
});

/** Commands sent to MongoDB and connections of PostgreSQL taken from the pool, from here on. */
function watchStores({ deps }: Service) {
  const seen = { commands: 0, connections: 0 };
  deps.mongo.on("commandStarted", () => {
    seen.commands += 1;
  });
  deps.pool.on("acquire", () => {
    seen.connections += 1;
  });
  return seen;
}

/** One request with a root field for each of these page arguments, as Hasura makes one for a list of rows. */
async function ask(service: Service, acme: { id: string; viewer: TestUser; run: { id: string } }, pages: string[]) {
  const fields = pages.map(
    (args, at) => `p${at}: getRunLogs(tenantId: $t, workflowRunId: $r${args}) { lines { seq } }`,
  );
  const reply = await service.server.inject({
    method: "POST",
    url: "/graphql",
    headers: headersFor({ caller: acme.viewer }),
    payload: {
      query: `query ($t: String!, $r: ID!) { ${fields.join("\n")} }`,
      variables: { t: acme.id, r: acme.run.id },
    },
  });
  const { data, errors } = answerSchema.parse(reply.json());
  return { status: reply.statusCode, pages: Object.keys(data ?? {}).length, code: errors?.[0]?.extensions.code };
}

const pages = (count: number, args: string) => Array.from({ length: count }, () => args);

test("200 pages fit into one request, and PostgreSQL is asked once for all of them", async ({ service, acme }) => {
  await acme.write({});
  const seen = watchStores(service);

  const reply = await ask(service, acme, pages(200, ", first: 1"));

  expect(reply).toEqual({ status: 200, pages: 200, code: undefined });
  // The membership and the runs, side by side.
  expect(seen.connections).toBe(2);
});

test("20,000 lines may be asked for in one request, by whatever pages", async ({ service, acme }) => {
  await acme.write({});

  const byDefault = await ask(service, acme, pages(200, ""));
  const large = await ask(service, acme, pages(20, ", first: 1000"));
  const mixed = await ask(service, acme, [...pages(19, ", last: 1000"), ...pages(10, "")]);

  expect([byDefault, large, mixed]).toEqual([
    { status: 200, pages: 200, code: undefined },
    { status: 200, pages: 20, code: undefined },
    { status: 200, pages: 29, code: undefined },
  ]);
});

test("more pages or more lines are refused whole, before any store is asked", async ({ service, acme }) => {
  await acme.write({});
  const seen = watchStores(service);

  const replies = [];
  for (const asked of [
    pages(201, ", first: 1"),
    [...pages(20, ", first: 1000"), ", first: 1"],
    [...pages(199, ""), ", first: 101"],
    [...pages(20, ", last: 1000"), ""],
  ])
    replies.push(await ask(service, acme, asked));

  expect(replies).toEqual(Array.from({ length: 4 }, () => ({ status: 200, pages: 0, code: "BAD_INPUT" })));
  expect(seen).toEqual({ commands: 0, connections: 0 });
});

test("each request has limits of its own", async ({ service, acme }) => {
  await acme.write({});
  const most = pages(20, ", first: 1000");

  const replies = await Promise.all([ask(service, acme, most), ask(service, acme, most)]);

  expect(replies.map(({ code }) => code)).toEqual([undefined, undefined]);
});

test("a request whose pages all fail counts as one failure for the breaker", async ({ service, acme, db }) => {
  await acme.write({});
  await db.pool.query("revoke select on workflow_runs from cp_logs");
  await ask(service, acme, pages(50, ""));
  await db.pool.query("grant select on workflow_runs to cp_logs");

  const { page } = await acme.readRun(service);

  expect(page).toMatchObject({ error: null, lines: [{ seq: 1 }] });
});

test("a body beyond 1 MiB is refused", async ({ service, acme }) => {
  const reply = await service.server.inject({
    method: "POST",
    url: "/graphql",
    headers: headersFor({ caller: acme.viewer }),
    payload: JSON.stringify({ query: `{ __typename } # ${"x".repeat(1_048_576)}` }),
  });

  expect([reply.statusCode, reply.json().extensions.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
});
