import crypto, { createHmac } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findScheme } from "../src/domain/schemes/all.ts";
import type { LiveSecret } from "../src/domain/schemes/scheme.ts";
import { judge } from "../src/domain/signature.ts";
import type { TriggerLookup, TriggerSigning } from "../src/store/triggers.ts";
import { type SenderName, senders } from "./senders.ts";

const real = { createHmac: crypto.createHmac, timingSafeEqual: crypto.timingSafeEqual, verify: crypto.verify };
let [hmacs, comparisons, ed25519s] = [0, 0, 0];

beforeEach(() => {
  [hmacs, comparisons, ed25519s] = [0, 0, 0];
  crypto.createHmac = (...args) => {
    hmacs += 1;
    return real.createHmac(...args);
  };
  crypto.timingSafeEqual = (...args) => {
    comparisons += 1;
    return real.timingSafeEqual(...args);
  };
  crypto.verify = new Proxy(real.verify, {
    apply(verify, self, args) {
      ed25519s += 1;
      return Reflect.apply(verify, self, args);
    },
  });
  syncBuiltinESMExports();
});

afterEach(() => {
  Object.assign(crypto, real);
  syncBuiltinESMExports();
});

const secrets: readonly LiveSecret[] = [
  { value: `whsec_${Buffer.alloc(32, 1).toString("base64")}`, label: "CURRENT" },
  { value: `whsec_${Buffer.alloc(32, 2).toString("base64")}`, label: "PREVIOUS" },
];
const receivedAt = 1_760_000_000;

function requestOf(headers: Record<string, string>) {
  return { method: "POST", target: "/hooks/x", headers: Object.entries(headers), body: Buffer.from("{}"), receivedAt };
}

function standardHeaders(...keys: readonly number[]) {
  const sign = (key: number) =>
    real.createHmac("sha256", Buffer.alloc(32, key)).update(`msg_1.${receivedAt}.{}`).digest("base64");
  return {
    "webhook-id": "msg_1",
    "webhook-timestamp": String(receivedAt),
    "webhook-signature": keys.map((key) => `v1,${sign(key)}`).join(" "),
  };
}

test("every listed signature is compared with every live secret, wherever the right one stands", () => {
  const receiver = findScheme("STANDARD_WEBHOOKS")?.receiver({});

  const counts = [
    [1, 8, 9],
    [8, 9, 1],
    [8, 2, 9],
    [7, 8, 9],
  ].map((keys) => {
    comparisons = 0;
    const { outcome } = receiver?.verify(requestOf(standardHeaders(...keys)), secrets, 300) ?? { outcome: "none" };
    return [outcome, comparisons];
  });

  expect(counts).toEqual([
    ["verified", 6],
    ["verified", 6],
    ["verified", 6],
    ["refused", 6],
  ]);
});

const trigger: TriggerSigning = {
  id: "t",
  tenantId: "t",
  scheme: "STANDARD_WEBHOOKS",
  config: {},
  toleranceSeconds: 300,
  secret: undefined,
  previousSecret: undefined,
  previousSecretExpiresAt: undefined,
};
const unknown: TriggerLookup = { kind: "unknown" };
const of = (scheme: SenderName | "STANDARD_WEBHOOKS"): TriggerLookup => ({
  kind: "receiving",
  trigger: { ...trigger, scheme, config: scheme === "STANDARD_WEBHOOKS" ? {} : senders[scheme].config },
});

test("a refusal costs the same work whatever its reason, the trigger's scheme and its secrets", async () => {
  const wrong = { secret: "another secret", at: receivedAt };
  const ed25519 = `v1a,${Buffer.alloc(64, 9).toString("base64")}`;
  const shapes = [
    {},
    standardHeaders(9),
    { ...standardHeaders(9), "webhook-timestamp": "1" },
    senders.GITHUB.sign("{}", wrong),
    senders.STRIPE.sign("{}", wrong),
    senders.SLACK.sign("{}", wrong),
    senders.SHOPIFY.sign("{}", wrong),
    senders.GENERIC_HMAC.sign("{}", wrong),
    { ...senders.GITHUB.sign("{}", wrong), "x-hub-signature-256": "sha256=00" },
  ];
  const withEd25519 = [
    { ...standardHeaders(), "webhook-signature": ed25519 },
    { ...standardHeaders(), "webhook-signature": ed25519, "webhook-timestamp": "1" },
    { "webhook-signature": ed25519 },
    { "svix-id": "1", "svix-timestamp": String(receivedAt), "svix-signature": ed25519 },
  ];
  const schemes = ["STANDARD_WEBHOOKS", "GITHUB", "STRIPE", "SLACK", "SHOPIFY", "GENERIC_HMAC"] as const;
  const lookups = [unknown, { kind: "not-receiving", triggerId: "t" } as const, ...schemes.map(of)];
  const publicKeys = [3, 4].map((byte) => `whpk_${Buffer.alloc(32, byte).toString("base64")}`);
  const [first, second] = publicKeys.map(
    (value, index) => ({ value, label: index === 0 ? "CURRENT" : "PREVIOUS" }) as const,
  );
  const lives: (readonly (LiveSecret | undefined)[])[] = [
    [],
    secrets.slice(0, 1),
    secrets,
    [first],
    [first, second],
    [first, secrets[1]],
  ];
  const workOf = async (headers: Record<string, string>) => {
    const seen = new Set<string>();
    for (const lookup of lookups)
      for (const live of lives) {
        [hmacs, comparisons, ed25519s] = [0, 0, 0];
        const { outcome } = await judge(
          async () => live.filter((secret) => secret !== undefined),
          lookup,
          requestOf(headers),
        );
        seen.add(`${outcome} after ${hmacs} HMACs, ${comparisons} comparisons, ${ed25519s} Ed25519`);
      }
    return [...seen];
  };

  for (const headers of shapes)
    expect(await workOf(headers)).toEqual(["refused after 2 HMACs, 2 comparisons, 0 Ed25519"]);
  for (const headers of withEd25519)
    expect(await workOf(headers)).toEqual(["refused after 2 HMACs, 2 comparisons, 2 Ed25519"]);
  expect(await workOf({ ...standardHeaders(), "webhook-signature": Array(99).fill(ed25519).join(" ") })).toEqual([
    "refused after 2 HMACs, 2 comparisons, 8 Ed25519",
  ]);
  expect(createHmac).toBe(crypto.createHmac);
});
