import { HASURA_ROLES, type HasuraRole } from "@control-plane/service-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fuzz } from "../fuzz/fuzz.ts";
import { shippedMetadata } from "../fuzz/shipped-metadata.ts";
import { openWorlds, type Worlds } from "../fuzz/worlds.ts";
import { MUTANTS, mutate } from "./fuzz/mutants.ts";
import { readTracked } from "./tenancy/tracked-tables.ts";

const SEED = 2_026;
const OPERATIONS = 60;
const OPERATIONS_ON_MUTANT = 4_000;

const { tables, actions } = await readTracked();

describe("random documents of two mirrored tenants", () => {
  let worlds: Worlds;

  beforeAll(async () => {
    worlds = await openWorlds(process.env.DATABASE_URL ?? "", await shippedMetadata());
  });
  afterAll(async () => worlds?.close());

  const fuzzAs = (role: HasuraRole, operations: number, shrinkTries = 0) =>
    fuzz({ worlds, tables, actions: actions.map(({ name }) => name), role, seed: SEED, operations, shrinkTries });

  test.each(HASURA_ROLES)("%s neither sees nor touches the other tenant", async (role) => {
    const found = await fuzzAs(role, OPERATIONS);

    expect(found).toBeUndefined();
  });

  test.each(MUTANTS)("find it when $name", async (mutant) => {
    await worlds.serve(await shippedMetadata((object) => mutate(object, mutant)));

    const found = await fuzzAs(mutant.role, OPERATIONS_ON_MUTANT);

    expect(found?.what).toMatch(mutant.found);
  });

  test("say it in few words", async () => {
    const [mutant] = MUTANTS;
    if (mutant === undefined) throw new Error("there are no mutants");
    await worlds.serve(await shippedMetadata((object) => mutate(object, mutant)));

    const found = await fuzzAs(mutant.role, OPERATIONS_ON_MUTANT, 60);

    expect(found?.what).toMatch(mutant.found);
    expect(found?.document.text.length).toBeLessThan(300);
  });
});
