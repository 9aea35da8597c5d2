import { randomInt } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findScheme } from "../src/domain/schemes/all.ts";
import type { Verification } from "../src/domain/schemes/scheme.ts";
import { type Library, libraries, type Signed } from "./libraries.ts";

const ROUNDS = Number(process.env.SIGNATURE_ROUNDS ?? 200);
const SEED = Number(process.env.SIGNATURE_SEED ?? randomInt(2 ** 31));

const texts = fc.string({ unit: "binary", minLength: 1, maxLength: 200 });
/** Beyond ASCII too, since what is signed are bytes; no blanks at the ends, which HTTP takes off. */
const ids = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).map((text) => `i${text.trim()}`);
const secrets = fc.uint8Array({ minLength: 24, maxLength: 64 });
/** Away from the edges of the tolerance, because one library reads the clock of its own. */
const ages = fc.oneof(
  fc.integer({ min: -290, max: 290 }),
  fc.integer({ min: 310, max: 900 }),
  fc.integer({ min: -900, max: -310 }),
);

const DAMAGES = ["nothing", "body", "body end", "digest", "digest end", "secret", "time", "id"] as const;
type Damage = (typeof DAMAGES)[number];

function damaged(library: Library, signed: Signed, damage: Damage): Signed {
  const { body, signature, at, id } = signed;
  switch (damage) {
    case "body":
      return { ...signed, body: `${body.startsWith("a") ? "b" : "a"}${[...body].slice(1).join("")}` };
    case "body end":
      return { ...signed, body: `${body} ` };
    case "digest":
      return { ...signed, signature: replaceAt(signature, signature.length - 20, library.digestAlphabet) };
    case "digest end":
      return { ...signed, signature: signature.slice(0, -4) };
    case "time":
      return { ...signed, at: at + 1 };
    case "id":
      return { ...signed, id: `${id}x` };
    case "nothing":
    case "secret":
      return signed;
    default:
      return damage satisfies never;
  }
}

/** Another character of the same alphabet at that place. */
function replaceAt(text: string, place: number, alphabet: string): string {
  const next = alphabet[(alphabet.indexOf(text[place] ?? "") + 1) % alphabet.length] ?? "";
  return text.slice(0, place) + next + text.slice(place + 1);
}

function verify(library: Library, secret: string, signed: Signed, now: number): Verification["outcome"] | undefined {
  const value = library.verifyingSecretOf?.(secret) ?? secret;
  // Node hands the bytes of headers on as Latin-1.
  const headers = Object.entries(library.headersOf(signed)).map(
    ([name, text]) => [name, Buffer.from(text, "utf8").toString("latin1")] as const,
  );
  const request = { method: "POST", target: "/hooks/x?y=1", headers, body: Buffer.from(signed.body), receivedAt: now };
  return findScheme(library.scheme)
    ?.receiver(library.config ?? {})
    ?.verify(request, [{ value, label: "CURRENT" }], 300).outcome;
}

/** What the rules say, apart from either implementation. */
function isGood(library: Library, age: number, damage: Damage): boolean {
  const fits = library.isTimeless === true || Math.abs(age) <= 300;
  if (damage === "time") return library.isTimeless === true;
  if (damage === "id") return library.signsId !== true && fits;
  return damage === "nothing" && fits;
}

describe(`${ROUNDS} requests with seed ${SEED}`, () => {
  test.for(libraries)("%s and the gateway agree on what is genuine", async ([, library]) => {
    const verdicts = { good: 0, bad: 0 };

    await fc.assert(
      fc.asyncProperty(
        texts,
        ids,
        secrets,
        ages,
        fc.constantFrom(...DAMAGES),
        async (body, id, random, age, damage) => {
          const now = Math.floor(Date.now() / 1000);
          const secret = library.secretOf(random);
          const unsigned = { id, at: now - age, body };
          const signed = damaged(library, { ...unsigned, signature: await library.sign(secret, unsigned) }, damage);
          const trusted = damage === "secret" ? library.secretOf(Uint8Array.from(random, (byte) => byte ^ 1)) : secret;

          const ours = verify(library, trusted, signed, now);
          const theirs = await library.accepts(trusted, signed, now);

          const good = isGood(library, age, damage);
          // The one difference: Stripe's library takes timestamps from the future.
          const isIntact = damage === "nothing" || (damage === "id" && library.signsId !== true);
          const isFuture = library.takesFuture === true && age < -300 && isIntact;
          verdicts[good ? "good" : "bad"] += 1;
          expect([ours, theirs]).toEqual([good ? "verified" : "refused", good || isFuture]);
        },
      ),
      { numRuns: ROUNDS, seed: SEED },
    );

    expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(0);
  });
});
