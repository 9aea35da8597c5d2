import { describe, expect, test } from "vitest";
import type { ActionDeps } from "../../src/actions/run-action.ts";
import type { ActionRelationship, KeyTuple } from "../../src/actions/shape-output.ts";
import { TRUE } from "../../src/model/permissions/expression.ts";
import type { ActionField } from "../../src/plan/plan.ts";
import { column, table } from "../remote-schema/fixtures.ts";
import { deps, json, node, plain, run } from "./world.ts";

describe("relationships", () => {
  const users = table("users", [column("id")]);
  const mapping = [{ field: "key", column: column("id") }];
  const source = {
    table: users,
    where: TRUE,
    distinctOn: [],
    orderBy: [],
    limit: undefined,
    offset: undefined,
    permissionLimit: undefined,
  };
  const owner: ActionField = {
    alias: "who",
    kind: "object",
    name: "owner",
    mapping,
    target: users,
    filter: TRUE,
    rows: { table: users, fields: [] },
  };
  const many: ActionField = {
    alias: "many",
    kind: "array",
    name: "users",
    mapping,
    select: { ...source, rows: { table: users, fields: [] } },
  };
  const sum: ActionField = {
    alias: "sum",
    kind: "aggregate",
    name: "users_aggregate",
    mapping,
    select: { ...source, fields: [] },
  };

  test("are fetched once per relationship for all objects, by fields that need not be selected", async () => {
    const asked: [string, readonly KeyTuple[]][] = [];
    const related: ActionDeps["fetchRelated"] = async (relationship: ActionRelationship, keys) => {
      asked.push([relationship.kind, keys]);
      return keys.map(([key]) =>
        relationship.kind === "object"
          ? key === null
            ? "null"
            : `{"id":${key}}`
          : relationship.kind === "array"
            ? `[${key}]`
            : `{"n":12345678901234567890}`,
      );
    };
    const selection = node(plain("id", "key"), owner, plain("nodes", "below", node(many, sum)));
    const value = [
      { id: 1, key: "7", nodes: [{ id: 3, key: 8 }, { id: 4 }] },
      { id: 2, key: "7", nodes: [] },
    ];

    const { jsonText } = await run({
      answer: json(value),
      action: { outputType: "[Node]" },
      call: { selection },
      deps: deps(related),
    });

    expect(asked).toEqual([
      ["object", [["7"]]],
      ["array", [["8"], [null]]],
      ["aggregate", [["8"], [null]]],
    ]);
    expect(jsonText).toBe(
      '[{"key":1,"who":{"id":7},"below":[{"many":[8],"sum":{"n":12345678901234567890}},{"many":[null],"sum":{"n":12345678901234567890}}]},{"key":2,"who":{"id":7},"below":[]}]',
    );
  });

  test("cost nothing where they are not selected", async () => {
    const related: ActionDeps["fetchRelated"] = async () => {
      throw new Error("not asked for");
    };

    await expect(run({ answer: json({ id: 1 }), deps: deps(related) })).resolves.toMatchObject({ data: { id: 1 } });
  });
});
