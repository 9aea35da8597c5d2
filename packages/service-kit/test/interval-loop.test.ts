import { expect, test } from "vitest";
import { createLogger, startIntervalLoop } from "../src/index.ts";

function collect() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { lines, log: createLogger({ service: "test", level: "info", destination }) };
}

test("a store that is away is one line without a stack, and one when it is back", async () => {
  const { lines, log } = collect();
  let passes = 0;
  const pass = async (): Promise<void> => {
    passes += 1;
    if (passes < 8) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  };

  const loop = startIntervalLoop({ name: "example", intervalMs: 5, pass, log });
  await expect.poll(() => passes, { timeout: 30_000 }).toBeGreaterThan(9);
  await loop.stop();

  expect(lines.map(({ msg, failures }) => [msg, failures])).toEqual([
    ["a pass failed; the next one tries again", 1],
    ["passes work again", 7],
  ]);
  expect(lines[0]?.["err"]).toEqual({ type: "Error", message: "connect ECONNREFUSED", code: "ECONNREFUSED" });
});

test("a bug is told each time, with the place", async () => {
  const { lines, log } = collect();

  const loop = startIntervalLoop({
    name: "example",
    intervalMs: 5,
    pass: () => Promise.reject(new Error("a bug")),
    log,
  });
  await expect.poll(() => lines.length, { timeout: 30_000 }).toBeGreaterThan(2);
  await loop.stop();

  expect(lines[1]?.["err"]).toMatchObject({ message: "a bug", stack: expect.stringContaining("at ") });
});
