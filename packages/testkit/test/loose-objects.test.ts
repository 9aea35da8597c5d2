import { expect, test } from "vitest";
import { z } from "zod";
import { findLooseObjects } from "../src/loose-objects.ts";

test("objects that take unknown keys are named by their place", () => {
  const input = z.object({
    inner: z.strictObject({ a: z.string() }).nullish(),
    list: z.array(z.object({ b: z.int() })),
    either: z.union([z.strictObject({ c: z.string() }), z.looseObject({ d: z.string() })]),
    json: z.unknown(),
    named: z.record(z.string(), z.string()),
  });

  expect(findLooseObjects("login", input)).toEqual(
    ["login", "login.list[]", "login.either"].map((place) => `${place} takes keys it does not know`),
  );
  expect(findLooseObjects("login", z.strictObject({ a: z.string() }))).toEqual([]);
});
