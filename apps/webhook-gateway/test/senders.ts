import { createHmac } from "node:crypto";

export type SignedWith = { secret: string; id?: string; at?: number };

type Sender = {
  /** What a trigger for this sender is configured with. */
  config: Readonly<Record<string, string>>;
  /** Headers as the sender makes them; an id is left out where none is given. */
  sign(body: string, options: SignedWith): Record<string, string>;
};

const hex = (secret: string, text: string) => createHmac("sha256", secret).update(text).digest("hex");
const base64 = (secret: string, text: string) => createHmac("sha256", secret).update(text).digest("base64");
const now = () => Math.floor(Date.now() / 1000);
const optional = (name: string, value: string | undefined) => (value === undefined ? {} : { [name]: value });

/** What senders of the schemes do, but for Standard Webhooks. */
export const senders = {
  GITHUB: {
    config: {},
    sign: (body, { secret, id }) => ({
      "x-github-event": "push",
      "x-hub-signature-256": `sha256=${hex(secret, body)}`,
      ...optional("x-github-delivery", id),
    }),
  },
  STRIPE: {
    config: {},
    sign: (body, { secret, at = now() }) => ({ "stripe-signature": `t=${at},v1=${hex(secret, `${at}.${body}`)}` }),
  },
  SLACK: {
    config: {},
    sign: (body, { secret, at = now() }) => ({
      "x-slack-request-timestamp": String(at),
      "x-slack-signature": `v0=${hex(secret, `v0:${at}:${body}`)}`,
    }),
  },
  SHOPIFY: {
    config: {},
    sign: (body, { secret, id }) => ({
      "x-shopify-topic": "orders/create",
      "x-shopify-shop-domain": "acme.example",
      "x-shopify-hmac-sha256": base64(secret, body),
      ...optional("x-shopify-webhook-id", id),
    }),
  },
  /** An id that is not signed, and no timestamp. */
  GENERIC_HMAC: {
    config: {
      signatureHeader: "x-acme-signature",
      prefix: "sha256=",
      algorithm: "sha256",
      encoding: "base64",
      template: "{body}",
      idHeader: "x-acme-id",
    },
    sign: (body, { secret, id }) => ({
      "x-acme-signature": `sha256=${base64(secret, body)}`,
      ...optional("x-acme-id", id),
    }),
  },
  NONE: { config: { idHeader: "x-acme-id" }, sign: (_body, { id }) => optional("x-acme-id", id) },
} as const satisfies Record<string, Sender>;

export type SenderName = keyof typeof senders;
