import { expect, test } from "vitest";
import { createDispatchWindow } from "./dispatch-window.ts";

/** Passes over a backlog without end, with runners that take so many jobs between two passes. */
function play(window: ReturnType<typeof createDispatchWindow>, passes: number, takes: number): void {
  let queued = 0;
  for (let pass = 0; pass < passes; pass++) {
    const [queuedBefore, size] = [queued, window.size()];
    queued = Math.max(size, queuedBefore);
    window.learn({ queuedBefore, queued: queued - queuedBefore, waiting: true });
    queued = Math.max(queued - takes, 0);
  }
}

test("the window grows until runners leave something between two passes, and no further", () => {
  const window = createDispatchWindow(200);

  play(window, 50, 20);

  expect(window.size()).toBeGreaterThan(20);
  expect(window.size()).toBeLessThanOrEqual(40);
});

test("without runners it shrinks to its floor, and with them it is back within a few passes", () => {
  const window = createDispatchWindow(200);
  play(window, 20, 100);
  expect(window.size()).toBeGreaterThan(100);

  play(window, 300, 0);
  expect(window.size()).toBe(8);

  play(window, 8, 100);
  expect(window.size()).toBeGreaterThan(100);
});

test("it is never larger than it may be, and stays small while nothing fills it", () => {
  const [small, quiet] = [createDispatchWindow(5), createDispatchWindow(200)];
  play(small, 20, 100);
  for (let pass = 0; pass < 20; pass++) quiet.learn({ queuedBefore: 0, queued: 1, waiting: false });

  expect(small.size()).toBe(5);
  expect(quiet.size()).toBe(8);
});

test("it is full while the last pass left no room", () => {
  const window = createDispatchWindow(200);
  expect(window.isFull()).toBe(false);

  window.learn({ queuedBefore: 0, queued: 8, waiting: true });
  expect(window.isFull()).toBe(true);

  window.learn({ queuedBefore: 3, queued: 1, waiting: true });
  expect(window.isFull()).toBe(false);
});

test("an end is worth a pass unless the last one left nothing, and while one is under way", () => {
  const window = createDispatchWindow(200);
  const answers = [window.mayBeWaitedFor()];
  window.learn({ queuedBefore: 0, queued: 3, waiting: false });
  answers.push(window.mayBeWaitedFor());
  window.look();
  answers.push(window.mayBeWaitedFor());
  window.learn({ queuedBefore: 0, queued: 3, waiting: true });
  answers.push(window.mayBeWaitedFor());

  expect(answers).toEqual([true, false, true, true]);
});
