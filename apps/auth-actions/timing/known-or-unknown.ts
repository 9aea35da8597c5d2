import { randomInt } from "node:crypto";
import { expect } from "vitest";
import { openService, post, test } from "../test/service.ts";

const SAMPLES = 200;
const DIFFERENCE_MAX = 0.1;

/** Nobody can tell by the time of an answer whether an e-mail has an account. */
test.for([
  ["/auth/login", (email: string) => ({ email, password: "not the password" }), 401],
  ["/auth/password/request-reset", (email: string) => ({ email }), 200],
] as const)(
  "%s answers known and unknown e-mails within 10 % of the same median, with the same bytes",
  { timeout: 300_000 },
  async (row, { db, keys, world }) => {
    const [path, inputOf, status] = row;
    const service = await openService(db, keys, { AUTH_LIMIT_FACTOR: "1000000" });
    const user = await (await world.tenant()).user("viewer");
    const times: Record<"known" | "unknown", number[]> = { known: [], unknown: [] };
    const answers = new Set<string>();

    // In random order, so that what one leaves to be done after its answer weighs on both alike.
    while (Math.min(times.known.length, times.unknown.length) < SAMPLES) {
      const which = randomInt(2) === 0 ? "known" : "unknown";
      const email = which === "known" ? user.email : "nobody@example.com";
      const begun = performance.now();
      const reply = await post(service, path, inputOf(email), { "x-request-id": "same-for-both" });
      times[which].push(performance.now() - begun);
      answers.add(`${reply.status} ${reply.text}`);
    }
    await service.close();

    const [known, unknown] = [median(times.known), median(times.unknown)];
    const difference = Math.abs(known - unknown) / Math.min(known, unknown);
    process.stdout.write(
      `${path}: known ${known.toFixed(2)} ms, unknown ${unknown.toFixed(2)} ms, ${(difference * 100).toFixed(1)} % apart\n`,
    );
    expect([...answers]).toEqual([expect.stringContaining(String(status))]);
    expect(difference).toBeLessThan(DIFFERENCE_MAX);
  },
);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
