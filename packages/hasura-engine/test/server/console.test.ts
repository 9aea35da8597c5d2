import { createContext, runInContext } from "node:vm";
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

type Fetcher = (request: { query: string; operationName?: string }) => unknown;
type Rendered = { readonly schema?: null; readonly fetcher: Fetcher };

/** The page's own script, as a browser runs it: what GraphiQL was given, and what was sent by POST. */
async function openConsole() {
  const script = await (await fetch(`${served.url}/console/console.js`)).text();
  const rendered: Rendered[] = [];
  const posted: string[] = [];
  const fields = new Map<string, { value: string; hidden: boolean; submit: (event: object) => void }>();
  const getElementById = (id: string) => {
    const field = fields.get(id) ?? {
      value: "",
      hidden: false,
      submit: () => {},
      addEventListener: (_name: string, listener: (event: object) => void) => {
        field.submit = listener;
      },
    };
    fields.set(id, field);
    return field;
  };
  const page = createContext({
    URLSearchParams,
    location: { hash: "", pathname: "/", origin: served.url },
    document: { getElementById },
    React: { createElement: (_type: unknown, props: Rendered) => props },
    ReactDOM: { createRoot: () => ({ render: (props: Rendered) => rendered.push(props) }) },
    GraphiQL: {},
    fetch: (_url: string, { body }: { body: string }) => {
      posted.push(body);
      return Promise.resolve({ json: () => ({}) });
    },
  });
  runInContext(script, page);
  return { rendered, posted, fields };
}

test("the first view asks for nothing and says what to enter; Apply shows the schema", async () => {
  const { rendered, fields } = await openConsole();

  expect(await (await fetch(served.url)).text()).toMatch(/<p id="hint">Nobody is signed in/);
  expect(rendered.map(({ schema }) => schema)).toEqual([null]);
  expect(fields.get("hint")?.hidden).toBe(false);

  fields.get("credentials")?.submit({ preventDefault: () => {} });

  expect(rendered.map(({ schema }) => schema)).toEqual([null, undefined]);
});

test.each([
  ["unnamed", "subscription { a }", undefined, "socket"],
  ["behind a comment line", "# watch {\n# query\nsubscription { a }", undefined, "socket"],
  ["behind a fragment", 'fragment F on T { b(c: "}") }\nsubscription { ...F }', undefined, "socket"],
  ["named", "query A { a } subscription B($query: Int) { b }", "B", "socket"],
  ["a query beside one", "query A { a } subscription B { b }", "A", "post"],
  ["a query that speaks of one", 'query A { subscription(x: "subscription B") }', undefined, "post"],
  ["short form", "# subscription\n{ subscription }", undefined, "post"],
])("a subscription goes by socket and all else by POST: %s", async (_what, query, operationName, way) => {
  const { rendered, posted } = await openConsole();
  const request = operationName === undefined ? { query } : { query, operationName };

  const answer = rendered[0]?.fetcher(request);

  expect(answer).toHaveProperty(way === "socket" ? "subscribe" : "then");
  expect(posted).toHaveLength(way === "socket" ? 0 : 1);
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
