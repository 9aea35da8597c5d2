import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createBatcher } from "../src/batcher.ts";
import { OutageError } from "../src/outage.ts";

const MIB = 1024 * 1024;

/** Items are their own sizes in MiB; each statement waits until it is let go. */
function batcherOf(laneOf: (item: number) => string = String) {
  const written: (readonly number[])[] = [];
  const releases: (() => void)[] = [];
  const batcher = createBatcher<number, number>({
    write: async (items) => {
      written.push(items);
      await new Promise<void>((resolve) => releases.push(resolve));
      return items;
    },
    laneOf,
    isHeldUp: () => false,
    bytesOf: (item) => item * MIB,
  });
  return { batcher, written, release: () => releases.splice(0).forEach((tell) => void tell()) };
}

test("what comes in one turn goes together, as far as 8 MiB; what is larger goes alone", async () => {
  const { batcher, written, release } = batcherOf();

  const outcomes = Promise.all([3, 3, 2, 1, 20, 1, 1].map((item) => batcher.submit(item)));
  for (let n = 0; n < 4; n += 1) {
    await turn();
    release();
    await turn();
  }

  expect(await outcomes).toEqual([3, 3, 2, 1, 20, 1, 1]);
  expect(written).toEqual([[3, 3, 2], [1], [20], [1, 1]]);
});

test("beyond 128 MiB nothing more is held until something is written", async () => {
  const { batcher, written, release } = batcherOf();
  const first = Promise.all([64, 64].map((item) => batcher.submit(item)));

  await expect(batcher.submit(1)).rejects.toThrow(OutageError);
  await turn();
  release();
  await first;
  const later = batcher.submit(1);
  await turn();
  release();

  expect(await later).toBe(1);
  expect(written).toEqual([[64], [64], [1]]);
});

test("statements that wait for something leave their places to others, as far as six, and an end waits for all", async () => {
  const written: number[] = [];
  const held: ((outcomes: number[]) => void)[] = [];
  const batcher = createBatcher<number, number>({
    write: (items) => {
      written.push(...items);
      return items[0] === undefined || items[0] < 0
        ? new Promise((resolve) => held.push(resolve))
        : Promise.resolve(items);
    },
    laneOf: String,
    isHeldUp: () => false,
    batchMax: 1,
  });

  const waiting = [-1, -2, -3, -4, -5, -6, -7].map((item) => batcher.submit(item));
  await expect.poll(() => written).toEqual([-1, -2, -3, -4, -5, -6]);
  let isDrained = false;
  const drained = batcher.drain().then(() => {
    isDrained = true;
  });
  held.shift()?.([-1]);
  expect(await waiting[0]).toBe(-1);
  await expect.poll(() => written).toEqual([-1, -2, -3, -4, -5, -6, -7]);
  expect(isDrained).toBe(false);
  for (const [index, tell] of held.entries()) tell([index]);
  await drained;

  expect(await Promise.all(waiting)).toHaveLength(7);
});

test("a write that fails lets go of its memory too", async () => {
  const batcher = createBatcher<number, number>({
    write: () => Promise.reject(new Error("no")),
    laneOf: String,
    isHeldUp: () => false,
    bytesOf: () => 100 * MIB,
  });

  for (let n = 0; n < 3; n += 1) await expect(batcher.submit(n)).rejects.toThrow("no");
});

test("what one lane waits for is written lane by lane, as far as 8 MiB, and apart", async () => {
  const written: (readonly [number[], boolean])[] = [];
  const batcher = createBatcher<number, number>({
    write: async (items, apart) => {
      if (new Set(items.map((item) => item % 2)).size > 1) throw new Error("locked");
      written.push([[...items], apart]);
      return items;
    },
    laneOf: (item) => String(item % 2),
    isHeldUp: () => true,
    bytesOf: (item) => item * MIB,
  });

  expect(await Promise.all([1, 2, 1, 2, 6].map((item) => batcher.submit(item)))).toEqual([1, 2, 1, 2, 6]);
  expect(written).toEqual([
    [[6], false],
    [[1, 1], true],
    [[2, 2], true],
  ]);
});

test("a lane that is held up takes 32 MiB at most, so that others are written meanwhile", async () => {
  let isLocked = true;
  const batcher = createBatcher<number, number>({
    write: async (items) => {
      if (!items.includes(8)) return items;
      if (isLocked) throw new Error("locked");
      return new Promise(() => {});
    },
    laneOf: (item) => (item === 8 ? "locked" : "free"),
    isHeldUp: () => true,
    bytesOf: (item) => item * MIB,
  });
  await expect(batcher.submit(8)).rejects.toThrow("locked");
  isLocked = false;

  const flood = Array.from({ length: 20 }, () => batcher.submit(8).catch((error: unknown) => error));

  expect(await flood.at(-1)).toBeInstanceOf(OutageError);
  expect(await batcher.submit(60)).toBe(60);
});
