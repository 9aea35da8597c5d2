import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CELLS } from "../src/cells/all.ts";
import { editText } from "../src/mutants/apply-edit.ts";
import { MUTANTS } from "../src/mutants/mutants.ts";

const root = join(import.meta.dirname, "../../..");
const readMigrations = () =>
  ["0000_tables", "0002_triggers", "0015_lean_transition"]
    .map((name) => readFileSync(join(root, `packages/db/migrations/${name}.sql`), "utf8"))
    .join("\n");

test.each(MUTANTS)("$id changes what is there: $title", ({ edits = [], statements = [], cells }) => {
  expect(edits.length + statements.length).toBeGreaterThan(0);
  const texts = new Map<string, string>();
  for (const edit of edits) {
    const text = texts.get(edit.file) ?? readFileSync(join(root, edit.file), "utf8");
    texts.set(edit.file, editText(text, edit));
  }
  for (const statement of statements) {
    const [, dropped] = /^drop (?:index|trigger) (\w+)/.exec(statement) ?? [];
    if (dropped !== undefined) expect(readMigrations()).toContain(dropped);
  }
  expect(CELLS.map(({ id }) => id)).toEqual(expect.arrayContaining([...cells]));
});

test("an edit that finds its text twice, or not at all, is refused", () => {
  const edit = { file: "a.ts", find: "x", replace: "y" };
  expect(() => editText("xx", edit)).toThrow("2 times");
  expect(() => editText("", edit)).toThrow("0 times");
  expect(editText("axb", edit)).toBe("ayb");
});
