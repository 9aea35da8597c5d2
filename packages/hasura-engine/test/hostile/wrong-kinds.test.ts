import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, type Hostile, refusalOf, startHostile } from "./world.ts";
import { type WrongRequest, wrongRequests } from "./wrong-kinds.ts";

let hostile: Hostile;
let requests: readonly WrongRequest[];

beforeAll(async () => {
  hostile = await startHostile();
  const { text } = await hostile.ask({ query: getIntrospectionQuery() });
  const { data }: { data: IntrospectionQuery } = JSON.parse(text);
  requests = wrongRequests(buildClientSchema(data));
});
afterAll(() => hostile.close());

/** Everything in the two tables, as one text. */
async function rows(): Promise<string> {
  const { rows } = await hostile.database.pool.query(
    "select (select json_agg(a order by id)::text from authors a) || (select json_agg(a order by id)::text from articles a) as all",
  );
  return rows[0].all;
}

const EXPECTED = new Set(["validation-failed", "parse-failed", "data-exception"]);
/** A row around the wrong value may be refused first; subscriptions end after the check of what can be checked. */
const EXPECTED_ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/\.data\.articles\.data\./, "constraint-violation"],
  [/^\w+_stream\.|^(authors|articles)\w*\.(id|limit|offset) /, "unexpected-payload"],
];

function fault(place: string, answer: Answer): string | undefined {
  try {
    const { code, message } = refusalOf(answer);
    const elsewhere = EXPECTED_ELSEWHERE.some(([places, expected]) => places.test(place) && expected === code);
    return elsewhere || EXPECTED.has(code) ? undefined : `${code}: ${message}`;
  } catch (error) {
    return String(error);
  }
}

async function faults(ask: readonly { readonly place: string; readonly body: unknown }[]): Promise<string[]> {
  const found: string[] = [];
  for (let start = 0; start < ask.length; start += 50) {
    const part = ask.slice(start, start + 50);
    const answers = await hostile.askBatch(part.map(({ body }) => body));
    for (const [index, answer] of answers.entries()) {
      const place = part[index]?.place ?? "";
      const wrong = fault(place, answer);
      if (wrong !== undefined) found.push(`${place} -> ${wrong}`);
    }
  }
  return found;
}

test("the places are those of every input type and argument", () => {
  const places = requests.map(({ place }) => place);

  for (const part of [
    "where._and",
    "order_by",
    "on_conflict.constraint",
    "cursor.initial_value",
    "_set.mood",
    "_in",
    "predicate._eq",
    "pk_columns.id",
    "_delete_at_path",
    "batch_size",
    "data.tags",
  ])
    expect(places.filter((place) => place.includes(part)).length, part).toBeGreaterThan(2);
  expect(places.length).toBeGreaterThan(1_000);
});

test("a value of a wrong kind in any place of a document is refused, and nothing is written", async () => {
  const before = await rows();

  const found = await faults(requests.map(({ place, literal }) => ({ place, body: literal })));

  expect(found).toEqual([]);
  expect(await rows()).toBe(before);
  expect(await hostile.serves()).toBe(true);
});

test("a value of a wrong kind in any place of a variable is refused, and nothing is written", async () => {
  const before = await rows();

  const found = await faults(requests.map(({ place, variable }) => ({ place, body: variable })));

  expect(found).toEqual([]);
  expect(await rows()).toBe(before);
  expect(await hostile.serves()).toBe(true);
});
