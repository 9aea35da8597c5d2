import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Edit } from "./mutants.ts";

/** The text with the edit made; throws when what is to be replaced is not there exactly once. */
export function editText(text: string, { file, find, replace }: Edit): string {
  const [before, ...after] = text.split(find);
  if (before === undefined || after.length !== 1)
    throw new Error(`${file} has ${after.length} times instead of once: ${find.trim()}`);
  return before + replace + (after[0] ?? "");
}

/** Makes the edits in a workspace. @returns what undoes them */
export function applyEdits(root: string, edits: readonly Edit[]): () => void {
  const originals = new Map<string, string>();
  const undo = (): void => {
    for (const [file, text] of originals) writeFileSync(file, text);
  };
  try {
    for (const edit of edits) {
      const file = join(root, edit.file);
      const text = readFileSync(file, "utf8");
      if (!originals.has(file)) originals.set(file, text);
      writeFileSync(file, editText(text, edit));
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}
