import { randomBytes } from "node:crypto";
import { neededHeaders, optionalHeader } from "./headers.ts";
import { decodeDigest, matchHmac, signWithText, textKeys } from "./hmac.ts";
import { identify } from "./identity.ts";
import { anyText, defineScheme, noConfig, type Receiver } from "./scheme.ts";

const SIGNATURE = "x-hub-signature-256";
const DELIVERY = "x-github-delivery";
const PREFIX = "sha256=";

/** https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries: hex HMAC-SHA256 of the body. */
const receiver: Receiver = {
  headersKept: ["x-github-event", DELIVERY],
  headersRedacted: [SIGNATURE, "x-hub-signature"],

  verify(request, secrets) {
    const keys = textKeys(secrets);
    if (keys.length === 0) return { outcome: "refused", reason: "SECRET_UNUSABLE" };
    const headers = neededHeaders(request, [SIGNATURE]);
    if ("reason" in headers) return { outcome: "refused", reason: headers.reason };
    const signature = headers.valueOf(SIGNATURE);
    if (!signature.startsWith(PREFIX)) return { outcome: "refused", reason: "NO_SUPPORTED_SIGNATURE" };
    const signed = [request.body];
    const match = matchHmac("sha256", signed, [decodeDigest(signature.slice(PREFIX.length), "hex")], keys);
    if (match === undefined) return { outcome: "refused", reason: "SIGNATURE_MISMATCH" };
    const identity = identify(optionalHeader(request, DELIVERY), signed, match.signature);
    return { outcome: "verified", matchedSecret: match.label, identity };
  },

  sign({ body, id }, secret) {
    const digest = signWithText("sha256", [body], secret, "hex");
    return digest === undefined ? undefined : { [SIGNATURE]: `${PREFIX}${digest}`, [DELIVERY]: id };
  },
};

export const github = defineScheme({
  name: "GITHUB",
  configSchema: noConfig,
  secret: { kind: "ours", make: () => randomBytes(32).toString("hex"), problem: anyText },
  receiver: () => receiver,
});
