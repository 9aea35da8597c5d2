import type { RunEvent } from "@control-plane/queue";
import { test } from "@control-plane/testkit";
import fc from "fast-check";
import { expect } from "vitest";
import { holdRun, readEvents } from "./held-run.ts";

const AT_ONCE = 8;
const seed = Math.floor(Math.random() * 2 ** 31);

// Long ago, so that every time is clamped to the start of the run and the rows of two runs can be compared.
const at = "2026-01-01T00:00:00Z";
const events = readEvents([
  { seq: 1, type: "step.started", stepKey: "a", at },
  { seq: 2, type: "step.succeeded", stepKey: "a", output: 1, at },
  { seq: 3, type: "step.started", stepKey: "b", input: { n: 1 }, at },
  { seq: 4, type: "step.failed", stepKey: "b", error: { code: "NO", message: "no", retryable: false }, at },
  { seq: 5, type: "step.skipped", stepKey: "c", at },
  { seq: 6, type: "run.succeeded", output: "done", at },
]);

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}

/** Bit n of `cuts` ends a batch behind event n. */
function split(sequence: readonly RunEvent[], cuts: number): RunEvent[][] {
  const batches: RunEvent[][] = [[]];
  for (const [place, event] of sequence.entries()) {
    batches.at(-1)?.push(event);
    if (place < sequence.length - 1 && (cuts & (1 << place)) !== 0) batches.push([]);
  }
  return batches;
}

test(`all 720 orders of six events, each split and repeated somewhere, and all 32 splits in order, give the same rows (seed ${seed})`, async ({
  db: { db },
  world,
}) => {
  const workflow = await (await world.tenant()).workflow({
    steps: ["a", "b", "c"].map((key) => ({ key, action: "core.echo" })),
  });
  const play = async (batches: readonly RunEvent[][]) => {
    const held = await holdRun(db, workflow);
    for (const batch of batches) expect((await held.send(batch)).outcome).toBe("applied");
    return held.rows();
  };
  const orders = permutations(events);
  const choices = fc.sample(fc.record({ cuts: fc.nat(63), repeated: fc.nat(5), place: fc.nat(6) }), {
    numRuns: orders.length,
    seed,
  });
  const variants = [
    ...Array.from({ length: 32 }, (_, cuts) => split(events, cuts)),
    ...orders.map((order, index) => {
      const { cuts = 0, repeated = 0, place = 0 } = choices[index] ?? {};
      return split(order.toSpliced(place, 0, ...events.slice(repeated, repeated + 1)), cuts);
    }),
  ];
  expect(variants).toHaveLength(752);
  const plain = await play([events]);

  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < variants.length; index = next++) {
      const batches = variants[index] ?? [];
      const order = batches.map((batch) => batch.map(({ seq }) => seq).join(" ")).join(" | ");
      expect(await play(batches), order).toEqual(plain);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  expect(plain.buffered).toEqual([]);
}, 300_000);
