import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ANONYMOUS_ROLE, HASURA_ROLES } from "@control-plane/service-kit";
import { buildSchema, parse, validate } from "graphql";
import { expect, test } from "vitest";
import { hasuraDir } from "../src/check-metadata.ts";
import { demoCollection } from "../src/demo-collection.ts";

const { queries } = demoCollection.definition;
const schemas = [ANONYMOUS_ROLE, ...HASURA_ROLES].map((role) =>
  buildSchema(readFileSync(join(hasuraDir, `generated/${role}.graphql`), "utf8")),
);

test.each(queries)("$name of the allow list is an operation that some role may ask for", ({ query }) => {
  expect(schemas.map((schema) => validate(schema, parse(query)))).toContainEqual([]);
});

test("no two operations of the allow list have the same name", () => {
  expect(new Set(queries.map(({ name }) => name)).size).toBe(queries.length);
  expect(queries.length).toBeGreaterThan(20);
});
