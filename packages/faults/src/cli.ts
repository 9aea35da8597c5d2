import { setMaxListeners } from "node:events";
import { resolve } from "node:path";
import { createRandom } from "@control-plane/testkit/random";
import { ArgumentError, type FaultArguments, readArguments } from "./arguments.ts";
import type { Cell } from "./cell.ts";
import { CELLS } from "./cells/all.ts";
import { type FaultStores, openFaultStores } from "./fault-stores.ts";
import { MUTANTS } from "./mutants/mutants.ts";
import { runMutants } from "./mutants/run-mutants.ts";
import { cellLines, totalLines } from "./report.ts";
import { type CellResult, isGreen, runCell } from "./run-cell.ts";
import { STRETCH } from "./stretch.ts";

const rootDir = resolve(import.meta.dirname, "../../..");
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** The cells to play, in order: each that was asked for once, or drawn from the seed until the time is up. */
function* chooseCells({ cells, soakSeconds, seed }: FaultArguments): Generator<{ cell: Cell; seed: number }> {
  const chosen = CELLS.filter(({ id }) => cells.includes(id));
  if (soakSeconds === 0) {
    for (const cell of chosen) yield { cell, seed };
    return;
  }
  const random = createRandom(seed);
  for (const until = Date.now() + soakSeconds * 1_000; Date.now() < until; ) {
    const cell = chosen[random.int(0, chosen.length - 1)];
    if (cell !== undefined) yield { cell, seed: random.int(0, 2 ** 31) };
  }
}

async function playCells(args: FaultArguments, stores: FaultStores, stop: AbortSignal): Promise<number> {
  const workspace = { root: rootDir, kind: args.source ? "source" : "built" } as const;
  const results: CellResult[] = [];
  for (const { cell, seed } of chooseCells(args)) {
    if (stop.aborted) break;
    const result = await runCell(cell, { stores, workspace, size: args.size, seed });
    results.push(result);
    for (const line of cellLines(result)) print(line);
  }
  for (const line of totalLines(results, args.seed)) print(line);
  return !stop.aborted && results.length > 0 && results.every(isGreen) ? 0 : 1;
}

async function playMutants(args: FaultArguments, stores: FaultStores, stop: AbortSignal): Promise<number> {
  const { size, seed } = args;
  const mutants = MUTANTS.filter(({ id }) => args.mutants.includes(id));
  const settings = { mutants, cells: CELLS, stores, root: rootDir, size, seed, stop, print };
  return (await runMutants(settings)) ? 0 : 1;
}

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2), {
    cells: CELLS.map(({ id }) => id),
    mutants: MUTANTS.map(({ id }) => id),
  });
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const stretched = STRETCH === 1 ? "" : `; the machine is busy, so every time is ${STRETCH} times as long`;
  print(`faults: size ${args.size}, seed ${args.seed}${stretched}`);
  const stores = await openFaultStores((line) => print(`  · ${line}`));
  // Programs and stores hang on this process and end with it; the folder does not.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) return;
      stop.abort();
      print("stopping …");
      void stores.close().finally(() => process.exit(130));
    });
  }
  try {
    return args.mutants.length > 0
      ? await playMutants(args, stores, stop.signal)
      : await playCells(args, stores, stop.signal);
  } finally {
    if (!stop.signal.aborted) await stores.close();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  if (error instanceof ArgumentError) {
    print(
      `${error.message}\nusage: npm run faults [-- --cell F1,F3] [--size 2000] [--soak 600] [--seed N] [--source]\n       npm run faults -- --mutants [--mutant M3,M5] [--size 200]`,
    );
    return 1;
  }
  throw error;
});
