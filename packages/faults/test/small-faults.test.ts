import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CELLS } from "../src/cells/all.ts";
import { type FaultStores, openFaultStores } from "../src/fault-stores.ts";
import { cellLines } from "../src/report.ts";
import { holds, runCell } from "../src/run-cell.ts";

/** Webhooks per cell: enough for every place to be met. `npm run faults` plays all cells with 2,000. */
const SIZE = 60;
/** PostgreSQL, Redis and the gateway lost, one id very often, events in any order: 100 s on 2 cores. */
const HERE = ["F1", "F7", "F10", "F15", "F17"];

const seed = Math.floor(Math.random() * 2 ** 31);
let stores: FaultStores;
beforeAll(async () => {
  stores = await openFaultStores(() => {});
});
afterAll(() => stores?.close());

test.each(CELLS.filter(({ id }) => HERE.includes(id)))(`$id holds: $title (seed ${seed})`, async (cell) => {
  const workspace = { root: join(import.meta.dirname, "../../.."), kind: "built" } as const;
  const result = await runCell(cell, { stores, workspace, size: SIZE, seed });
  // How long it took is a matter of `npm run faults`: beside other tests it says nothing of us.
  expect(holds(result), cellLines(result).join("\n")).toBe(true);
});
