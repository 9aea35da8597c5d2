import { expect, test } from "vitest";
import { createRateWindow } from "./rate-window.ts";

function windowAt(limit: number, windowMs: number) {
  const clock = { ms: 0 };
  return { clock, window: createRateWindow(limit, windowMs, () => clock.ms) };
}

test("a subject has its limit in any stretch of the window, and hears how long to wait", () => {
  const { clock, window } = windowAt(2, 10_000);
  const first = window.take("a");
  clock.ms = 4_000;
  const second = window.take("a");

  const refused = window.take("a");
  clock.ms = 10_001;
  const again = window.take("a");
  const over = window.take("a");

  expect([first, second, refused, again, over]).toEqual([undefined, undefined, 6, undefined, 4]);
});

test("what is refused does not count, and subjects do not share", () => {
  const { clock, window } = windowAt(1, 1_000);
  window.take("a");
  for (let tries = 0; tries < 5; tries++) window.take("a");

  const other = window.take("b");
  clock.ms = 1_001;

  expect([other, window.take("a")]).toEqual([undefined, undefined]);
});

test("a limit of 0 is none", () => {
  const { window } = windowAt(0, 1_000);

  expect(Array.from({ length: 100 }, () => window.take("a"))).toEqual(Array(100).fill(undefined));
});
