import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { quietly } from "./quietly.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Seconds at which an outage of so many seconds, reported each second, is told. */
function tellOutage(tell: (error: Error) => void, told: readonly unknown[], seconds: number): number[] {
  const at: number[] = [];
  for (let second = 0; second < seconds; second++) {
    const before = told.length;
    tell(new Error("away"));
    if (told.length > before) at.push(second);
    vi.advanceTimersByTime(1_000);
  }
  return at;
}

test("an outage is told at once and then ever more rarely, the next one at once again", () => {
  const told: Error[] = [];
  const tell = quietly((error) => told.push(error));

  const first = tellOutage(tell, told, 1_000);
  vi.advanceTimersByTime(60_000);
  const second = tellOutage(tell, told, 15);

  expect(first).toEqual([0, 10, 30, 70, 150, 310, 610, 910]);
  expect(second).toEqual([0, 10]);
});
