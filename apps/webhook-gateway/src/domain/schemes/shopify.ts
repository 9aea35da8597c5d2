import { neededHeaders, optionalHeader } from "./headers.ts";
import { decodeDigest, matchHmac, signWithText, textKeys } from "./hmac.ts";
import { identify } from "./identity.ts";
import { anyText, defineScheme, noConfig, type Receiver } from "./scheme.ts";

const SIGNATURE = "x-shopify-hmac-sha256";
const WEBHOOK_ID = "x-shopify-webhook-id";

/** https://shopify.dev/docs/apps/build/webhooks: base64 HMAC-SHA256 of the body under the app's client secret. */
const receiver: Receiver = {
  headersKept: ["x-shopify-topic", "x-shopify-shop-domain", WEBHOOK_ID],
  headersRedacted: [SIGNATURE],

  verify(request, secrets) {
    const keys = textKeys(secrets);
    if (keys.length === 0) return { outcome: "refused", reason: "SECRET_UNUSABLE" };
    const headers = neededHeaders(request, [SIGNATURE]);
    if ("reason" in headers) return { outcome: "refused", reason: headers.reason };
    const signed = [request.body];
    const match = matchHmac("sha256", signed, [decodeDigest(headers.valueOf(SIGNATURE), "base64")], keys);
    if (match === undefined) return { outcome: "refused", reason: "SIGNATURE_MISMATCH" };
    const identity = identify(optionalHeader(request, WEBHOOK_ID), signed, match.signature);
    return { outcome: "verified", matchedSecret: match.label, identity };
  },

  sign({ body, id }, secret) {
    const digest = signWithText("sha256", [body], secret, "base64");
    return digest === undefined ? undefined : { [SIGNATURE]: digest, [WEBHOOK_ID]: id };
  },
};

export const shopify = defineScheme({
  name: "SHOPIFY",
  configSchema: noConfig,
  secret: { kind: "senders", problem: anyText },
  receiver: () => receiver,
});
