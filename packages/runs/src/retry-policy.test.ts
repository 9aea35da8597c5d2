import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backOffSeconds } from "./retry-policy.ts";

const policy = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 10 }),
  initialDelaySeconds: fc.integer({ min: 1, max: 3_600 }),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  maxDelaySeconds: fc.integer({ min: 1, max: 86_400 }),
});
const DAY = 86_400;

describe("the delay before the next attempt", () => {
  test.for([
    [1, 5],
    [2, 10],
    [3, 20],
    [4, 40],
    [7, 300],
    [10, 300],
  ] as const)("grows from attempt to attempt up to its limit: after attempt %i it is %i s", ([attempt, seconds]) => {
    const standard = { maxAttempts: 10, initialDelaySeconds: 5, factor: 2, maxDelaySeconds: 300 };

    expect(backOffSeconds(standard, attempt, undefined, () => 0.5)).toBe(seconds);
  });

  test("is scattered by a fifth either way and never above a day", () => {
    fc.assert(
      fc.property(
        policy,
        fc.integer({ min: 1, max: 10 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (given, n, luck) => {
          const planned = Math.min(given.initialDelaySeconds * given.factor ** (n - 1), given.maxDelaySeconds);

          const delay = backOffSeconds(given, n, undefined, () => luck);

          expect(delay).toBeGreaterThanOrEqual(Math.min(planned * 0.8, DAY));
          expect(delay).toBeLessThanOrEqual(Math.min(planned * 1.2000001, DAY));
        },
      ),
    );
  });

  test("is what the failure asked for, scattered too, in place of the policy's", () => {
    const given = { maxAttempts: 3, initialDelaySeconds: 5, factor: 2, maxDelaySeconds: 300 };

    expect(backOffSeconds(given, 1, 1_000, () => 0)).toBe(800);
    expect(backOffSeconds(given, 1, 1_000, () => 1)).toBeCloseTo(1_200);
    expect(backOffSeconds(given, 1, 0, () => 1)).toBe(0);
    expect(backOffSeconds(given, 1, 1e9, () => 0)).toBe(DAY);
  });
});
