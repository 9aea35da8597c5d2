import { createHmac, generateKeyPairSync, sign as signBytes, verify as verifyBytes } from "node:crypto";
import { sign as signGithub, verify as verifyGithub } from "@octokit/webhooks-methods";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import Stripe from "stripe";
import type { SchemeName } from "../src/domain/schemes/scheme.ts";

/** A request as its sender's own library makes and judges it; `at` is in unix seconds. */
export type Signed = { id: string; at: number; body: string; signature: string };
type Unsigned = Omit<Signed, "signature">;

export type Library = {
  scheme: SchemeName;
  config?: object;
  /** The text of the secret, from random bytes. */
  secretOf(random: Uint8Array): string;
  /** What the trigger holds, where that is not what the sender signs with. */
  verifyingSecretOf?(secret: string): string;
  sign(secret: string, unsigned: Unsigned): string | Promise<string>;
  accepts(secret: string, signed: Signed, now: number): boolean | Promise<boolean>;
  headersOf(signed: Signed): Record<string, string>;
  /** Characters of the digest; one put for another changes its bytes. */
  digestAlphabet: string;
  /** Whether this library takes timestamps however far ahead. */
  takesFuture?: boolean;
  /** Whether timestamps are no part of what is signed. */
  isTimeless?: boolean;
  /** Whether the id is part of it. */
  signsId?: boolean;
};

const HEX = "0123456789abcdef";
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const TOLERANCE = 300;

const whsec = (random: Uint8Array) => `whsec_${Buffer.from(random).toString("base64")}`;
/** Texts beyond ASCII too. */
const text = (random: Uint8Array) => `sécret ${Buffer.from(random).toString("latin1")}`;
const hmac = (secret: string, signed: string) => createHmac("sha256", secret).update(signed);
const isFresh = (at: number, now: number) => Math.abs(now - at) <= TOLERANCE;
const standardHeaders = (prefix: string) => (signed: Signed) => ({
  [`${prefix}-id`]: signed.id,
  [`${prefix}-timestamp`]: String(signed.at),
  [`${prefix}-signature`]: signed.signature,
});

const standardWebhooks: Library = {
  scheme: "STANDARD_WEBHOOKS",
  secretOf: whsec,
  sign: (secret, { id, at, body }) => new Webhook(secret).sign(id, new Date(at * 1000), body),
  accepts(secret, signed) {
    try {
      new Webhook(secret).verify(signed.body, standardHeaders("webhook")(signed), { jsonParse: false });
      return true;
    } catch (error) {
      if (error instanceof WebhookVerificationError) return false;
      throw error;
    }
  },
  headersOf: standardHeaders("webhook"),
  digestAlphabet: BASE64,
  signsId: true,
};

const makePair = () => generateKeyPairSync("ed25519");
const pairs = new Map<string, ReturnType<typeof makePair>>();
function pairOf(secret: string) {
  const pair = pairs.get(secret) ?? makePair();
  pairs.set(secret, pair);
  return pair;
}

/** No library of the senders' makes these yet; OpenSSL does. */
const ed25519: Library = {
  ...standardWebhooks,
  verifyingSecretOf: (secret) => {
    const { x = "" } = pairOf(secret).publicKey.export({ format: "jwk" });
    return `whpk_${Buffer.from(x, "base64url").toString("base64")}`;
  },
  sign: (secret, { id, at, body }) =>
    `v1a,${signBytes(null, Buffer.from(`${id}.${at}.${body}`), pairOf(secret).privateKey).toString("base64")}`,
  accepts: (secret, { id, at, body, signature }, now) =>
    isFresh(at, now) &&
    verifyBytes(
      null,
      Buffer.from(`${id}.${at}.${body}`),
      pairOf(secret).publicKey,
      Buffer.from(signature.slice("v1a,".length), "base64"),
    ),
};

const github: Library = {
  scheme: "GITHUB",
  secretOf: text,
  sign: (secret, { body }) => signGithub(secret, body),
  accepts: (secret, { body, signature }) => verifyGithub(secret, body, signature),
  headersOf: ({ id, signature }) => ({ "x-github-delivery": id, "x-hub-signature-256": signature }),
  digestAlphabet: HEX,
  isTimeless: true,
};

const stripe: Library = {
  scheme: "STRIPE",
  secretOf: whsec,
  sign: (secret, { at, body }) =>
    Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: at }).replace(/^t=\d+,/, ""),
  accepts(secret, { at, body, signature }, now) {
    try {
      const header = `t=${at},${signature}`;
      return Stripe.webhooks.signature?.verifyHeader(body, header, secret, TOLERANCE, undefined, now * 1000) ?? false;
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
      throw error;
    }
  },
  headersOf: ({ at, signature }) => ({ "stripe-signature": `t=${at},${signature}` }),
  digestAlphabet: HEX,
  takesFuture: true,
};

const slack: Library = {
  scheme: "SLACK",
  secretOf: text,
  sign: (secret, { at, body }) => `v0=${hmac(secret, `v0:${at}:${body}`).digest("hex")}`,
  accepts: (secret, { at, body, signature }, now) =>
    isFresh(at, now) && signature === `v0=${hmac(secret, `v0:${at}:${body}`).digest("hex")}`,
  headersOf: ({ at, signature }) => ({ "x-slack-request-timestamp": String(at), "x-slack-signature": signature }),
  digestAlphabet: HEX,
};

const shopify: Library = {
  scheme: "SHOPIFY",
  secretOf: text,
  sign: (secret, { body }) => hmac(secret, body).digest("base64"),
  accepts: (secret, { body, signature }) => signature === hmac(secret, body).digest("base64"),
  headersOf: ({ id, signature }) => ({ "x-shopify-webhook-id": id, "x-shopify-hmac-sha256": signature }),
  digestAlphabet: BASE64,
  isTimeless: true,
};

const genericSigned = ({ id, at, body }: Unsigned) => `POST /hooks/x?y=1\n${at}.${id}.${body}`;
const generic: Library = {
  scheme: "GENERIC_HMAC",
  config: {
    signatureHeader: "x-signature",
    algorithm: "sha512",
    encoding: "base64url",
    template: "{method} {path}\n{timestamp}.{id}.{body}",
    timestampHeader: "x-time",
    idHeader: "x-id",
  },
  secretOf: text,
  sign: (secret, unsigned) => createHmac("sha512", secret).update(genericSigned(unsigned)).digest("base64url"),
  accepts: (secret, signed, now) =>
    isFresh(signed.at, now) &&
    signed.signature === createHmac("sha512", secret).update(genericSigned(signed)).digest("base64url"),
  headersOf: ({ id, at, signature }) => ({ "x-id": id, "x-time": String(at), "x-signature": signature }),
  digestAlphabet: BASE64.replace("+/", "-_"),
  signsId: true,
};

export const libraries: readonly (readonly [name: string, library: Library])[] = [
  ["standardwebhooks", standardWebhooks],
  ["standardwebhooks under the svix- names", { ...standardWebhooks, headersOf: standardHeaders("svix") }],
  ["node:crypto for Ed25519 of Standard Webhooks", ed25519],
  ["@octokit/webhooks-methods", github],
  ["stripe", stripe],
  ["node:crypto for Slack", slack],
  ["node:crypto for Shopify", shopify],
  ["node:crypto for a generic sender", generic],
];
