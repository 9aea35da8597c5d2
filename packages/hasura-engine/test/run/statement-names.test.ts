import { expect, test } from "vitest";
import { createStatementNames, type StatementNameLimits } from "../../src/run/statement-names.ts";
import { type Holder, UNBOUND } from "../../src/session/holder.ts";
import type { Statement } from "../../src/sql/statement.ts";

const AN_HOUR_MS = 3_600_000;
const holder = (key: string): Holder => ({ key, exempt: false });
const statement = (text: string): Statement => ({ text, parameters: [], columns: ["data"] });

function open(limits: Partial<StatementNameLimits> = {}) {
  const names = createStatementNames({ max: 6, eachMax: 3, unusedMsMax: AN_HOUR_MS, textMax: 100, ...limits });
  /** Runs a statement twice: only what comes again is worth a name. */
  const name = (text: string, who: Holder): string | undefined => {
    const planned = statement(text);
    expect(names.nameOf(planned, who)).toBeUndefined();
    return names.nameOf(planned, who);
  };
  return { names, name };
}

test("a statement that comes again has a name, the same for everybody", () => {
  const { name } = open();

  const [first, second] = [name("select 1", holder("ann")), name("select 1", holder("bob"))];

  expect(first).toMatch(/^e_/);
  expect(second).toBe(first);
});

test("one holder gets so many names, and the others still get theirs", () => {
  const { name } = open();

  const ofAnn = ["a1", "a2", "a3", "a4", "a5"].map((text) => name(text, holder("ann")));
  const ofBob = name("b1", holder("bob"));

  expect(ofAnn.map((given) => given !== undefined)).toEqual([true, true, true, false, false]);
  expect(ofBob).toBeDefined();
});

test("all together get so many, the role admin counted", () => {
  const { name } = open();

  const given = ["1", "2", "3", "4", "5", "6", "7"].map((text) => name(text, UNBOUND));

  expect(given.filter((found) => found !== undefined)).toHaveLength(6);
  expect(name("8", holder("ann"))).toBeUndefined();
});

test("a name that nobody uses any more is free again, to all and to its holder", async () => {
  const { names, name } = open({ max: 2, eachMax: 2, unusedMsMax: 50 });
  for (const text of ["1", "2"]) name(text, holder("ann"));
  const waiting = [statement("3"), statement("4")].map((planned, index) => ({
    planned,
    who: holder(index === 0 ? "ann" : "bob"),
  }));
  for (const { planned, who } of waiting) names.nameOf(planned, who);

  await expect
    .poll(() => waiting.map(({ planned, who }) => names.nameOf(planned, who)))
    .toEqual([expect.any(String), expect.any(String)]);
});

test("a long statement stays unnamed", () => {
  const { name } = open({ textMax: 10 });

  expect(name("select 1, 2, 3", holder("ann"))).toBeUndefined();
});
