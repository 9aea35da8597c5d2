import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { schemaSql, tables } from "../hostile/tables.ts";
import { INSIDE } from "../hostile/world.ts";
import { type Served, serve, userHeaders } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

let database: TestDatabase;
let served: Served;

beforeAll(async () => {
  database = await createTestDatabase(schemaSql);
  served = await serve(database.url, tables);
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

const refusal = z.strictObject({
  errors: z.tuple([
    z.strictObject({ message: z.string(), extensions: z.strictObject({ path: z.string(), code: z.string() }) }),
  ]),
});

/** From the root's authors over articles and their author to a list, by its rows or by its aggregate. */
const way = fc
  .array(fc.constantFrom("articles", "articles_aggregate"), { maxLength: 8 })
  .map((lists) => ["authors", ...lists.flatMap((list, index) => (index === 0 ? [list] : ["author", list]))]);

/** What is wrong at the end of the way, and where that is told; PostgreSQL's own faults are told of the document. */
const fault = fc.constantFrom(
  { field: "nobody", place: ".selectionSet.nobody" },
  { field: "id { x }", place: ".selectionSet.id" },
  { field: "id @nobody", place: ".selectionSet" },
  { argument: "nobody: 1", place: "" },
  { argument: "where: {nobody: {}}", place: ".args.where.nobody" },
  { argument: "where: {id: {_eq: null}}", place: ".args.where.id._eq" },
  { argument: "where: {_and: [{id: {_eq: [1]}}]}", place: ".args.where._and[0].id._eq" },
  { argument: "where: {id: {_in: [1e60]}}", place: ".args.where.id._in[0]" },
  { argument: "order_by: {id: nobody}", place: ".args.order_by[0].id" },
  { argument: "limit: -1", place: ".args.limit" },
  { argument: 'where: {id: {_eq: "canary"}}', place: undefined },
  { argument: "offset: -1", place: undefined },
);
type Fault = { readonly field?: string; readonly argument?: string; readonly place: string | undefined };

/** A document with an alias on everything, and the path where its fault is. */
function write(fields: readonly string[], wrong: Fault): { query: string; path: string } {
  const [name, ...below] = fields;
  if (name === undefined) return { query: `alias_leaf: ${wrong.field ?? "id"}`, path: "" };
  const inner = write(below, wrong);
  const aggregate = name.endsWith("_aggregate");
  const last = below.length === 0;
  const given = last && wrong.argument !== undefined ? `(${wrong.argument})` : "";
  const nodes = aggregate && !(last && wrong.argument !== undefined) ? ".selectionSet.nodes" : "";
  return {
    query: `alias_${below.length}: ${name}${given} { ${aggregate ? `alias_nodes: nodes { ${inner.query} }` : inner.query} }`,
    path: `.selectionSet.${name}${nodes}${last ? (wrong.place ?? "") : inner.path}`,
  };
}

test("a refused document is told by the path of field names, without an alias and without a word of SQL", async () => {
  await fc.assert(
    fc.asyncProperty(way, fault, async (fields, wrong) => {
      const { query, path } = write(fields, wrong);

      const reply = await fetch(`${served.url}/v1/graphql`, {
        method: "POST",
        headers: userHeaders("user"),
        body: JSON.stringify({ query: `{ ${query} }` }),
      });
      const text = await reply.text();

      const [{ extensions }] = refusal.parse(JSON.parse(text)).errors;
      expect(extensions.path).toBe(wrong.place === undefined ? "$" : `$${path}`);
      expect(text).not.toContain("alias_");
      expect(text).not.toMatch(INSIDE);
    }),
    { numRuns: 200 },
  );
});
