import type { Scheme } from "./scheme.ts";
import { standardWebhooks } from "./standard-webhooks.ts";

/** Every scheme a trigger can have. */
export const schemes = [standardWebhooks] as const satisfies readonly Scheme[];

export const schemeNames = ["STANDARD_WEBHOOKS"] as const satisfies readonly Scheme["name"][];

/** Undefined for a scheme this gateway does not verify; such a trigger receives nothing. */
export function findScheme(name: string): Scheme | undefined {
  return schemes.find((scheme) => scheme.name === name);
}
