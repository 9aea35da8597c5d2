import { genericHmac } from "./generic-hmac.ts";
import { github } from "./github.ts";
import { none } from "./none.ts";
import type { Scheme } from "./scheme.ts";
import { shopify } from "./shopify.ts";
import { slack } from "./slack.ts";
import { standardWebhooks } from "./standard-webhooks.ts";
import { stripe } from "./stripe.ts";

/** Every scheme this gateway verifies. */
const schemes: readonly Scheme[] = [standardWebhooks, github, stripe, slack, shopify, genericHmac, none];

export const schemeNames = schemes.map(({ name }) => name);

/** Undefined for a scheme this gateway does not verify; such a trigger receives nothing. */
export function findScheme(name: string): Scheme | undefined {
  return schemes.find((scheme) => scheme.name === name);
}
