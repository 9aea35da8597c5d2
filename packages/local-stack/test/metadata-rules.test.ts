import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, lexicographicSortSchema, printSchema } from "graphql";
import { expect, test } from "vitest";
import { z } from "zod";
import { checkMetadataRules } from "../src/metadata-rules/check-metadata-rules.ts";
import { metadataShapeSchema, placedPermissions } from "../src/metadata-rules/metadata-shape.ts";
import { endpointMutants } from "./mutants/endpoint-mutants.ts";
import { conjunctionSchema, first, tableOf, without } from "./mutants/mutant.ts";
import { permissionMutants } from "./mutants/permission-mutants.ts";
import { readShippedMetadata, readShippedTwin, repository } from "./read-metadata.ts";

const shippedMetadata = await readShippedMetadata();

test("the shipped metadata breaks no rule", () => {
  const findings = checkMetadataRules(shippedMetadata, readShippedTwin());

  expect(findings).toEqual([]);
});

test.each([...permissionMutants, ...endpointMutants])("is noticed: $name", ({ change, rule, pointer }) => {
  const metadata = metadataShapeSchema.parse(structuredClone(shippedMetadata));

  change(metadata);
  const findings = checkMetadataRules(metadata, readShippedTwin());

  expect(findings).toContainEqual(
    expect.objectContaining({ rule, pointer: expect.stringMatching(pointer), message: expect.any(String) }),
  );
});

test("a term deleted from metadata and twin at once is noticed", () => {
  const metadata = metadataShapeSchema.parse(structuredClone(shippedMetadata));
  const twin = z.looseObject({ fragments: z.record(z.string(), z.unknown()) }).parse(readShippedTwin());

  twin.fragments.MINE = ["LIVE"];
  for (const { permission } of tableOf(metadata, "step_runs").select_permissions) {
    permission.filter = without(permission.filter, "tenant_id");
  }
  const findings = checkMetadataRules(metadata, twin);

  expect(findings).toContainEqual(expect.objectContaining({ rule: "tenant-term" }));
});

test("every role that may read logs sees the schema of logs-schema, but for the tenant", () => {
  const { remote_schemas: remoteSchemas } = metadataShapeSchema.parse(structuredClone(shippedMetadata));
  const served = sortedSdl(readFileSync(join(repository, "apps/logs-schema/schema.graphql"), "utf8"));

  const seen = first(remoteSchemas).permissions.map(({ definition }) =>
    sortedSdl(definition.schema.replaceAll(' @preset(value: "x-hasura-tenant-id")', "")),
  );

  expect(seen).toEqual([served, served, served, served]);
});

/** Order does not count. */
function sortedSdl(sdl: string): string {
  return printSchema(lexicographicSortSchema(buildSchema(sdl)));
}

test("what is no metadata object is a finding, not a crash", () => {
  const findings = checkMetadataRules({ version: 3, sources: "none" }, readShippedTwin());

  expect(findings).toContainEqual(expect.objectContaining({ rule: "shape", pointer: "/sources" }));
});

test("no term of any row condition can be lost", () => {
  const shipped = metadataShapeSchema.parse(structuredClone(shippedMetadata));
  const twin = readShippedTwin();
  const places = placedPermissions(shipped).flatMap(({ permission }, index) =>
    (["filter", "check"] as const)
      .filter((name) => permission[name] !== undefined)
      .flatMap((name) => conjunctionSchema.parse(permission[name])._and.map((_, term) => ({ index, name, term }))),
  );

  const unnoticed = places.filter(({ index, name, term }) => {
    const mutant = structuredClone(shipped);
    const placed = placedPermissions(mutant)[index];
    if (placed === undefined) throw new Error("the mutant has fewer permissions");
    const terms = conjunctionSchema.parse(placed.permission[name])._and;
    placed.permission[name] = { _and: terms.toSpliced(term, 1) };
    return checkMetadataRules(mutant, twin).length === 0;
  });

  expect(places.length).toBeGreaterThan(300);
  expect(unnoticed).toEqual([]);
});
