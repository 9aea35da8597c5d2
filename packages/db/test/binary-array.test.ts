import { expect, test } from "vitest";
import { binaryArray } from "../src/index.ts";
import { useOwnDatabase } from "./own-database.ts";

const own = useOwnDatabase();
const id = "0197a5c1-7f00-7abc-8def-0123456789ab";

test.each([
  ["text", ["plain", undefined, "", 'a "quote", {braces} and \\', "ü – 😀", "NULL"]],
  ["uuid", [id, undefined, id.toUpperCase()]],
  ["int4", [0, -1, 2_147_483_647, undefined]],
  ["bytea", [Buffer.from([0, 255, 92]), undefined, Buffer.alloc(0)]],
] as const)("%s: PostgreSQL reads what was written", async (type, items) => {
  const { rows } = await own.pool.query(
    `select i.item, i.place::int from unnest($1::${type}[]) with ordinality as i(item, place)`,
    [binaryArray(type, items)],
  );

  const wanted = items.map((item) => (typeof item === "string" && type === "uuid" ? id : (item ?? null)));
  expect(rows).toEqual(wanted.map((item, index) => ({ item, place: index + 1 })));
});

test("a text that no database can hold is a data error", async () => {
  const query = own.pool.query("select $1::text[]", [binaryArray("text", ["a\0b"])]);

  await expect(query).rejects.toMatchObject({ code: "22021" });
});
