import { expect, test } from "vitest";
import { type Starter, startBar } from "../src/bars/start-bar.ts";

/** Takes as long as it says after the first time, each time something else. */
function starter(name: string, seconds: readonly number[]): Starter {
  const left = [60, ...seconds];
  return { name, secondsMax: 1.5, measure: async () => ({ seconds: left.shift() ?? Number.NaN }) };
}

const options = { rounds: 3, log: () => {} };

test("the median of the starts counts, part by part", async () => {
  const result = await startBar([starter("quick", [1, 9, 1.2]), starter("slow", [1, 1.6, 1.7])], options);

  expect(result.limits).toMatchObject([
    { name: "quick ready after", value: 1.2, verdict: "PASSED" },
    { name: "slow ready after", value: 1.6, verdict: "FAILED" },
  ]);
});

test("a part that does not become ready makes the bar void, and names itself", async () => {
  const broken = { ...starter("broken", []), measure: () => Promise.reject(new Error("it ended")) };

  const result = await startBar([starter("quick", [1, 1, 1]), broken], options);

  expect(result).toMatchObject({ voided: ["broken: it ended"], limits: [] });
});
