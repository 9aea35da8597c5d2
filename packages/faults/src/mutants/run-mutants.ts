import type { Cell } from "../cell.ts";
import type { FaultStores } from "../fault-stores.ts";
import { cellLines } from "../report.ts";
import { type CellResult, holds, runCell } from "../run-cell.ts";
import { applyEdits } from "./apply-edit.ts";
import { copyWorkspace } from "./copy-workspace.ts";
import type { Mutant } from "./mutants.ts";

export type MutantSettings = {
  mutants: readonly Mutant[];
  cells: readonly Cell[];
  stores: FaultStores;
  root: string;
  size: number;
  seed: number;
  stop: AbortSignal;
  print: (line: string) => void;
};

/**
 * Plays the named cells against broken copies; each mutant must turn one of them red. First against an unbroken copy: a
 * cell that is red there proves nothing.
 * @returns whether every mutant was noticed
 */
export async function runMutants(settings: MutantSettings): Promise<boolean> {
  const { mutants, stores, root, size, seed, stop, print } = settings;
  const copy = `${stores.folder}/workspace`;
  copyWorkspace(root, copy);
  const play = async (id: string, statements: readonly string[]): Promise<CellResult> => {
    const cell = settings.cells.find((one) => one.id === id);
    if (cell === undefined) throw new Error(`there is no cell ${id}`);
    return runCell(cell, { stores, workspace: { root: copy, kind: "source" }, size, seed, statements });
  };
  const named = [...new Set(mutants.flatMap(({ cells }) => cells))];
  const red = new Set<string>();
  for (const id of named) {
    if (stop.aborted) return false;
    const result = await play(id, []);
    print(`unbroken ${id}: ${holds(result) ? "ok" : "RED, so it proves nothing"} (${result.seconds.toFixed(0)} s)`);
    if (holds(result)) continue;
    red.add(id);
    for (const line of cellLines(result)) print(line);
  }
  let killed = 0;
  for (const { id, title, edits = [], statements = [], cells } of mutants) {
    const undo = applyEdits(copy, edits);
    let killer: CellResult | undefined;
    for (const cell of cells) {
      if (stop.aborted) return false;
      if (killer !== undefined || red.has(cell)) continue;
      const result = await play(cell, statements);
      // A service that does not start, on a busy machine or with a mutant that breaks it whole, was not caught by a cell.
      if (!holds(result) && !result.inconclusive) killer = result;
    }
    undo();
    if (killer !== undefined) killed += 1;
    const why = killer === undefined ? "SURVIVED" : `killed in ${killer.id}: ${reasonOf(killer)}`;
    print(`${id.padEnd(4)} ${why}\n     ${title}`);
  }
  print(`\n${killed} of ${mutants.length} killed; seed ${seed}`);
  return killed === mutants.length;
}

function reasonOf({ problems, findings }: CellResult): string {
  const [finding] = findings;
  const text = finding === undefined ? (problems[0] ?? "") : `${finding.what} (${finding.subject})`;
  return text.split("\n")[0] ?? "";
}
