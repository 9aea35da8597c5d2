import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;
let served: Served;

beforeAll(async () => {
  database = await createTestDatabase("select 1");
  served = await serve(database.url, [], { env: { HASURA_GRAPHQL_ENABLE_CONSOLE: "true" } });
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

test("the page loads everything from this host, and its policy allows nothing else", async () => {
  const page = await fetch(served.url);
  const html = await page.text();
  const links = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => link ?? "");

  expect(page.headers.get("content-type")).toContain("text/html");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((link) => !link.startsWith("/console/"))).toEqual([]);
  for (const link of links) {
    const asset = await fetch(served.url + link);
    expect([link, asset.status, (await asset.text()).length > 100]).toEqual([link, 200, true]);
  }
});

test.each(["nothing.js", "..%2f..%2fpackage.json", "react", "__proto__"])("there is no asset %s", async (name) => {
  expect((await fetch(`${served.url}/console/${name}`)).status).toBe(404);
});

test("metrics count requests by route, without what stands in them", async () => {
  await fetch(`${served.url}/nowhere?secret=1`);
  await fetch(`${served.url}/v1/graphql`, { method: "POST", body: '{"query":"{ __typename }"}' });

  const text = await (await fetch(`${served.url}/metrics`)).text();

  expect(text).toMatch(/http_request_duration_seconds_count\{[^}]*route="\/v1\/graphql"[^}]*\} 1\n/);
  expect(text).toContain('route="unmatched"');
  expect(text).not.toContain("secret");
});
