import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { readConsoleAsset } from "../../src/server/console-assets.ts";

/** The page as far as its script looks at it. */
async function openPage(hash: string) {
  const script = (await readConsoleAsset("console.js"))?.content.toString() ?? "";
  const fields: Record<string, { value: string; hidden?: boolean; addEventListener(): void }> = {};
  for (const id of ["header", "value", "role", "hint", "graphiql", "credentials"])
    fields[id] = { value: "", addEventListener() {} };
  const addresses: unknown[] = [];
  const asked: unknown[] = [];
  const sockets: string[] = [];
  let fetcher = async (_request: object): Promise<unknown> => undefined;
  runInNewContext(script, {
    URLSearchParams,
    document: { getElementById: (id: string) => fields[id] },
    location: { hash, pathname: "/", origin: "http://host" },
    history: { replaceState: (_state: unknown, _title: string, address: string) => addresses.push(address) },
    fetch: async (_url: string, { headers }: { headers: Record<string, string> }) => {
      asked.push(headers.authorization);
      return { json: async () => ({}) };
    },
    WebSocket: class {
      constructor(url: string) {
        sockets.push(url);
      }
    },
    GraphiQL: {},
    React: { createElement: (_type: unknown, props: { fetcher: typeof fetcher }) => props },
    ReactDOM: { createRoot: () => ({ render: (props: { fetcher: typeof fetcher }) => (fetcher = props.fetcher) }) },
  });
  const send = async (query: string): Promise<void> => {
    const answer = await fetcher({ query });
    const observable = Object(answer);
    if (typeof observable.subscribe === "function") observable.subscribe({});
  };
  return { fields, addresses, asked, sockets, send };
}

test("a link with a token signs in, and the token does not stay in the address", async () => {
  const page = await openPage("#token=a.b.c");

  await page.send("{ workflows { id } }");

  expect(page.asked).toEqual(["Bearer a.b.c"]);
  expect(page.addresses).toEqual(["/"]);
  expect(page.fields["hint"]?.hidden).toBe(true);
});

test("without one the page says what is missing", async () => {
  const page = await openPage("");

  expect(page.fields["hint"]?.hidden).toBe(false);
});

test("a subscription goes over the socket, below comments too", async () => {
  const page = await openPage("");

  await page.send("# all of them\n\n# subscription\nsubscription { workflows { id } }");
  await page.send("# subscription\n{ workflows { id } }");

  expect([page.sockets, page.asked.length]).toEqual([["ws://host/v1/graphql"], 1]);
});
