import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { runEventsSchema, signRunEvents, verifyRunEvents } from "./run-events.ts";

const TOKEN = `lt_${"A".repeat(43)}`;
const HASH = createHash("sha256").update(TOKEN).digest();
const BODY = '{"events":[{"seq":1,"type":"run.cancelled","at":"2026-01-01T00:00:00Z","note":"ä€😀"}]}';
/** Made with Python's hmac and hashlib. */
const SIGNATURE = "8d119424b748ebf96a8e333e10df01bf5106a2a17a7cc9a262add89e9456f390";

describe("a signature of run-events", () => {
  test("is what another language makes of token and UTF-8 body", () => {
    expect(signRunEvents(TOKEN, BODY)).toBe(SIGNATURE);
    expect(verifyRunEvents(HASH, BODY, SIGNATURE)).toBe(true);
  });

  test.for([
    ["another body", HASH, `${BODY} `, SIGNATURE],
    ["another lease", createHash("sha256").update(`${TOKEN}A`).digest(), BODY, SIGNATURE],
    ["the token itself as key", Buffer.from(TOKEN), BODY, SIGNATURE],
    ["no signature", HASH, BODY, ""],
    ["half a signature", HASH, BODY, SIGNATURE.slice(0, 32)],
    ["a signature with more behind it", HASH, BODY, `${SIGNATURE}00`],
    ["a text that is not hex", HASH, BODY, "z".repeat(64)],
  ] as const)("does not verify with %s", ([, hash, body, signature]) => {
    expect(verifyRunEvents(hash, body, signature)).toBe(false);
  });

  test("does not verify with any digit changed", () => {
    for (const [place, digit] of [...SIGNATURE].entries()) {
      const other = digit === "0" ? "1" : "0";
      expect(verifyRunEvents(HASH, BODY, SIGNATURE.slice(0, place) + other + SIGNATURE.slice(place + 1))).toBe(false);
    }
  });

  test("is 64 lower-case hex digits", () => {
    const job = { runId: "0199f0c4-7b2a-7cc3-98c4-dc0c0c07398f", attempt: 1, body: BODY };

    expect(runEventsSchema.safeParse({ ...job, signature: SIGNATURE }).success).toBe(true);
    for (const signature of [SIGNATURE.toUpperCase(), SIGNATURE.slice(1), `${SIGNATURE}0`, "", `${SIGNATURE}\n`])
      expect(runEventsSchema.safeParse({ ...job, signature }).success, signature).toBe(false);
  });
});
