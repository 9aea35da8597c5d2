import { createHmac, randomBytes } from "node:crypto";
import { join } from "node:path";
import { workDir } from "./child.ts";
import type { Hook } from "./data/hook-databases.ts";
import { type Request, writeRequests } from "./requests-file.ts";

/** A file of so many signed requests, made right before a bar is run; no id ever comes twice. */
export function signWebhooks(hook: Hook, name: string, count: number): string {
  const file = join(workDir, `webhooks-${name}.requests`);
  writeRequests(file, signed(hook, count));
  return file;
}

function* signed({ path, secret }: Hook, count: number): Generator<Request> {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const timestamp = String(Math.floor(Date.now() / 1000));
  for (let index = 0; index < count; index++) {
    const id = `msg_${randomBytes(16).toString("base64url")}`;
    const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${BODY}`).digest("base64");
    const headers = {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${signature}`,
    };
    yield { path: `/hooks/${path}`, headers, body: BODY };
  }
}

/** 1 KB as senders write it: some ids, texts, numbers, a list. */
const BODY = JSON.stringify({
  type: "invoice.paid",
  id: "evt_5c2a1f6e9b7d",
  createdAt: "2026-01-31T12:00:00Z",
  data: {
    customer: { id: "cus_81f3", name: "Ada Lovelace", email: "ada@example.com", tags: ["vip", "beta", "eu"] },
    currency: "eur",
    total: 12_345.67,
    lines: Array.from({ length: 7 }, (_, index) => ({
      sku: `sku-${index}`,
      title: "a line of an invoice",
      quantity: index + 1,
      price: 19.99,
      taxed: true,
    })),
    note: "".padEnd(130, "thanks for your order, see you soon. "),
  },
});
