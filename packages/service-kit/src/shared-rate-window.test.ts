import { expect, test } from "vitest";
import { createRateWindow } from "./rate-window.ts";
import { createSharedRateWindows, type RateStore } from "./shared-rate-window.ts";

const MINUTE = 60_000;

/** A store of two replicas, that can go away or stop answering. */
function openStore() {
  const state: { mode: "there" | "away" | "silent"; asked: string[] } = { mode: "there", asked: [] };
  const windows = new Map<string, ReturnType<typeof createRateWindow>>();
  const answer = async <T>(key: string, value: () => T): Promise<T> => {
    state.asked.push(key);
    if (state.mode === "away") throw new Error("the store is away");
    if (state.mode === "silent") await new Promise(() => undefined);
    return value();
  };
  const store: RateStore = {
    take: (key, limit, windowMs) =>
      answer(key, () => {
        const window = windows.get(key) ?? createRateWindow(limit, windowMs);
        windows.set(key, window);
        return (window.take(key) ?? 0) * 1000;
      }),
    giveBack: (key) => answer(key, () => windows.get(key)?.giveBack(key)),
  };
  return { state, store };
}

const counted = (waits: readonly (number | undefined)[]): number => waits.filter((wait) => wait === undefined).length;

test("replicas share one limit", async () => {
  const { store } = openStore();
  const [one, two] = [createSharedRateWindows(store), createSharedRateWindows(store)];
  const windows = [one("sign-in", 3, MINUTE), two("sign-in", 3, MINUTE)];

  const waits = [];
  for (let tries = 0; tries < 3; tries++) for (const window of windows) waits.push(await window.take("ada"));

  expect(counted(waits)).toBe(3);
  expect(waits.at(-1)).toBe(60);
});

test.each(["away", "silent"] as const)(
  "a process that loses its store (%s) goes on with what it counted",
  async (mode) => {
    const { state, store } = openStore();
    const window = createSharedRateWindows(store)("sign-in", 3, MINUTE);
    await window.take("ada");
    state.mode = mode;

    const waits = [await window.take("ada"), await window.take("ada"), await window.take("ada")];
    const other = await window.take("grace");

    expect(counted(waits)).toBe(2);
    expect(other).toBeUndefined();
  },
);

test("a store that failed is not asked by every request", async () => {
  const { state, store } = openStore();
  const window = createSharedRateWindows(store)("sign-in", 100, MINUTE);
  state.mode = "away";

  for (let tries = 0; tries < 20; tries++) await window.take("ada");

  expect(state.asked.length).toBe(1);
});

test("what is given back can be taken again, here and in the store", async () => {
  const { store } = openStore();
  const [one, two] = [createSharedRateWindows(store), createSharedRateWindows(store)];
  const windows = [one("sign-in", 1, MINUTE), two("sign-in", 1, MINUTE)] as const;
  await windows[0].take("ada");
  await windows[0].giveBack("ada");

  const waits = [await windows[1].take("ada"), await windows[0].take("ada")];

  expect(waits).toEqual([undefined, 60]);
});

test("the store sees no subject, and windows of different names do not share", async () => {
  const { state, store } = openStore();
  const windows = createSharedRateWindows(store);

  const waits = [
    await windows("a", 1, MINUTE).take("ada@example.com"),
    await windows("b", 1, MINUTE).take("ada@example.com"),
  ];

  expect(waits).toEqual([undefined, undefined]);
  expect(state.asked.join()).not.toContain("ada");
});

test("without a store the process counts alone, and a limit of 0 is none", async () => {
  const windows = createSharedRateWindows(undefined);
  const [one, none] = [windows("one", 1, MINUTE), windows("none", 0, MINUTE)];

  const waits = [await one.take("ada"), await one.take("ada"), await none.take("ada"), await none.take("ada")];

  expect(waits).toEqual([undefined, 60, undefined, undefined]);
});
