import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Hostile, refusalOf, startHostile } from "./world.ts";

// What is small when it is asked and large when it is held: answers, and many large bodies at the same time.

let hostile: Hostile;

beforeAll(async () => {
  hostile = await startHostile();
  await hostile.database.pool.query("update articles set body = repeat('x', 1024 * 1024) where id = 1");
});
afterEach(async () => {
  expect(await hostile.serves()).toBe(true);
  const { data } = await hostile.ask({ query: "{ authors_by_pk(id: 1) { id } }" });
  expect(data).toEqual({ authors_by_pk: { id: 1 } });
});
afterAll(() => hostile.close());

const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(" ");

test("an answer of 40 MiB is given", async () => {
  const { text } = await hostile.ask({
    query: `{ articles_by_pk(id: 1) { ${times(40, (index) => `a${index}: body`)} } }`,
  });

  expect(text.length).toBeGreaterThan(40 * 1024 * 1024);
});

test.each([
  ["of one field", `{ articles_by_pk(id: 1) { ${times(300, (index) => `a${index}: body`)} } }`],
  ["of many fields together", `{ ${times(300, (index) => `a${index}: articles_by_pk(id: 1) { body }`)} }`],
  [
    "of what a mutation returns",
    `mutation { update_articles(where: {id: {_eq: 1}}, _set: {price: 1}) { returning { ${times(300, (index) => `a${index}: body`)} } } }`,
  ],
])("an answer %s that is too large is refused", async (_what, query) => {
  const refusal = refusalOf(await hostile.ask({ query }));

  expect(refusal).toEqual({ message: "the answer is larger than 67108864 bytes", code: "bad-request", path: "$" });
});

test("a batch whose answers are too large together is refused", async () => {
  const query = `{ articles_by_pk(id: 1) { ${times(40, (index) => `a${index}: body`)} } }`;

  const { text } = await hostile.post(JSON.stringify(Array.from({ length: 50 }, () => ({ query }))));

  expect(JSON.parse(text).errors[0].message).toBe("the answer is larger than 67108864 bytes");
});

const tooMany = "too many requests with large bodies at the same time";

test.each([
  [
    "lists of two million integers",
    "query ($v: [Int!]) { authors(where: {id: {_in: $v}}) { id } }",
    `[${"1,".repeat(1_999_999)}1]`,
  ],
  [
    "texts of 3 MiB",
    "query ($v: String) { authors(where: {id: {_eq: 1}, name: {_neq: $v}}) { id } }",
    `"${"x".repeat(3 << 20)}"`,
  ],
])(
  "of five %s at the same time each is answered, or refused after a while",
  async (_what, query, v) => {
    const body = `{"query": ${JSON.stringify(query)}, "variables": {"v": ${v}}}`;

    const large = await Promise.all(Array.from({ length: 5 }, () => hostile.post(body)));

    for (const { text } of large) {
      const { data, errors } = JSON.parse(text);
      expect(data ?? errors[0].message).toEqual(data === undefined ? tooMany : { authors: [{ id: 1 }] });
    }
  },
  60_000,
);

test("a short request does not wait for large bodies that come in slowly", async () => {
  const slow = Array.from({ length: 3 }, () => hostile.startBody(4 * 1024 * 1024));
  const waiting = hostile.post(`{"query": "{ __typename }", "variables": null, "more": "${"x".repeat(100_000)}"}`);

  const short = await hostile.ask({ query: "{ __typename }" });

  expect(short.data).toEqual({ __typename: "query_root" });
  for (const { abandon } of slow) abandon();
  expect(JSON.parse((await waiting).text).data).toEqual({ __typename: "query_root" });
});
