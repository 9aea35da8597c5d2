import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { admin, type Served, serve } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

/** PostgreSQL takes at most 100 arguments of a function, and cuts names at 63 bytes. */
const COLUMNS = Array.from({ length: 60 }, (_, index) => `column_${index + 1}`);
const LONG = "a_name_of_eighty_bytes_that_begins_like_its_neighbour_and_differs_in_the_end_of_";

let database: TestDatabase;
let served: Served;

beforeEach(async () => {
  await database.pool.query("update wide set column_1 = 'first', column_2 = null, column_60 = 'last'");
});
beforeAll(async () => {
  database = await createTestDatabase(`
    create table wide (id int primary key, ${COLUMNS.map((name) => `${name} text`).join(", ")});
    create table leaves (id int primary key, wide_id int references wide);
    insert into wide (id) values (1);
    insert into leaves values (1, 1);
  `);
  served = await serve(database.url, [
    {
      table: "wide",
      array_relationships: [
        { name: "leaves", using: { foreign_key_constraint_on: { table: "leaves", column: "wide_id" } } },
      ],
    },
    { table: "leaves", object_relationships: [{ name: "wide", using: { foreign_key_constraint_on: "wide_id" } }] },
  ]);
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

async function ask(query: string) {
  const reply = await fetch(`${served.url}/v1/graphql`, {
    method: "POST",
    headers: admin,
    body: JSON.stringify({ query }),
  });
  return JSON.parse(await reply.text());
}

test("60 columns come in the order they were asked for, nested and written", async () => {
  const all = COLUMNS.toReversed().join(" ");

  const read = await ask(`{ leaves { wide { ${all} leaves { wide { ${all} } } } } }`);
  const written = await ask(`mutation { update_wide(where: {}, _set: {${COLUMNS.map((name) => `${name}: "${name}"`)}}) {
    returning { ${all} leaves { wide { ${all} } } } } }`);
  const largest = await ask(`{ wide_aggregate { aggregate { max { ${all} } min { ${all} } count } } }`);

  const wide = read.data.leaves[0].wide;
  expect(Object.keys(wide)).toEqual([...COLUMNS.toReversed(), "leaves"]);
  expect(wide).toMatchObject({ column_1: "first", column_2: null, column_60: "last" });
  expect(wide.leaves[0].wide.column_60).toBe("last");
  expect(written.data.update_wide.returning[0]).toMatchObject({ column_1: "column_1", column_60: "column_60" });
  expect(largest.data.wide_aggregate.aggregate).toMatchObject({ count: 1, max: { column_60: "column_60" } });
});

test("aliases of 80 bytes that differ at their end stay apart, at every level", async () => {
  const { data } = await ask(`{ ${LONG}1: wide { ${LONG}2: column_1 ${LONG}3: column_60
    ${LONG}4: leaves { ${LONG}5: id } ${LONG}6: leaves_aggregate { ${LONG}7: aggregate { ${LONG}8: count ${LONG}9: count } } } }`);

  expect(LONG).toHaveLength(80);
  expect(data).toEqual({
    [`${LONG}1`]: [
      {
        [`${LONG}2`]: "first",
        [`${LONG}3`]: "last",
        [`${LONG}4`]: [{ [`${LONG}5`]: 1 }],
        [`${LONG}6`]: { [`${LONG}7`]: { [`${LONG}8`]: 1, [`${LONG}9`]: 1 } },
      },
    ],
  });
});

test("60 aggregates by alias are one answer", async () => {
  const counts = COLUMNS.map((name, index) => `n${index}: count(columns: [${name}])`).join(" ");

  const { data } = await ask(`{ wide_aggregate { aggregate { ${counts} } } }`);

  expect(Object.keys(data.wide_aggregate.aggregate)).toHaveLength(60);
});
