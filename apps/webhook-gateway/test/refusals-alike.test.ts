import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { type Hook, type Service, test as serviceTest, sign } from "./service.ts";

/** Requests of each case, for the statistics of their times; without it only what the sender sees is compared. */
const SAMPLES = Number(process.env.REFUSAL_SAMPLES ?? 0);
const T_MAX = 4.5;

/** What nobody outside can tell apart. */
const test = serviceTest.extend("cases", async ({ world, addHook }) => {
  return async (): Promise<Readonly<Record<string, Hook>>> => {
    const acme = await world.tenant();
    const workflow = await acme.workflow();
    const secret = `whsec_${randomBytes(32).toString("base64")}`;
    const known = await addHook(workflow);
    return {
      "unknown path": { ...known, path: randomBytes(16).toString("base64url"), secret },
      "disabled trigger": await addHook(workflow, { enabled: false }),
      "unpublished workflow": await addHook(await acme.workflow({ published: false })),
      "no secret": { ...(await addHook(workflow, { webhookSecretCipher: randomBytes(64) })), secret },
      "wrong secret": { ...known, secret },
    };
  };
});

function post({ server }: Service, hook: Hook) {
  return server.inject({
    method: "POST",
    url: `/hooks/${hook.path}`,
    headers: { "content-type": "application/json", "x-request-id": "r", ...sign(hook, "{}") },
    payload: "{}",
  });
}

test("status, headers and bytes are the same, whatever is wrong", async ({ service, cases }) => {
  const seen = new Set<string>();

  for (const hook of Object.values(await cases())) {
    const { statusCode, headers, body } = await post(service, hook);
    const { date: _date, ...others } = headers;
    seen.add(JSON.stringify([statusCode, others, body]));
  }

  expect(seen.size).toBe(1);
  expect([...seen][0]).toMatch(/^\[401,.*SIGNATURE_INVALID/);
});

if (SAMPLES > 0)
  test(`Welch's t over ${SAMPLES} times each is below ${T_MAX}`, { timeout: 600_000 }, async ({ service, cases }) => {
    const all = Object.entries(await cases()).map(([name, hook]) => ({ name, hook, times: Array.of<number>() }));
    for (let round = -SAMPLES / 10; round < SAMPLES; round++) {
      // In another order each time, so that none always comes after the same other; the first rounds warm up.
      for (const { hook, times } of all.toSorted(() => Math.random() - 0.5)) {
        const from = performance.now();
        await post(service, hook);
        if (round >= 0) times.push(performance.now() - from);
      }
    }

    const pairs = all.flatMap((left, index) => all.slice(index + 1).map((right) => ({ left, right })));
    const rows = pairs.map(({ left, right }) => ({
      pair: `${left.name} : ${right.name}`,
      means: `${meanOf(left.times).toFixed(4)} ms : ${meanOf(right.times).toFixed(4)} ms`,
      medians: `${medianOf(left.times).toFixed(4)} ms : ${medianOf(right.times).toFixed(4)} ms`,
      t: welch(left.times, right.times),
    }));
    console.table(rows);
    expect(rows.filter(({ t }) => Math.abs(t) >= T_MAX)).toEqual([]);
  });

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function welch(left: readonly number[], right: readonly number[]): number {
  const [a, b] = [left, right].map((values) => {
    const mean = meanOf(values);
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    return { mean, error: variance / values.length };
  });
  return a === undefined || b === undefined ? Number.NaN : (a.mean - b.mean) / Math.sqrt(a.error + b.error);
}
