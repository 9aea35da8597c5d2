import { headerBytes, neededHeaders } from "./headers.ts";
import { decodeDigest, matchHmac, signWithText, textKeys } from "./hmac.ts";
import { identify, jsonTextMember } from "./identity.ts";
import { anyText, defineScheme, noConfig, type Receiver } from "./scheme.ts";
import { timestampProblem } from "./timestamp.ts";

const SIGNATURE = "stripe-signature";

/**
 * https://docs.stripe.com/webhooks/signature: hex HMAC-SHA256 of `t.body`. The secret is a text, its `whsec_` included,
 * although it looks like the base64 of Standard Webhooks.
 */
const receiver: Receiver = {
  headersKept: [],
  headersRedacted: [SIGNATURE],

  verify(request, secrets, toleranceSeconds) {
    const keys = textKeys(secrets);
    if (keys.length === 0) return { outcome: "refused", reason: "SECRET_UNUSABLE" };
    const headers = neededHeaders(request, [SIGNATURE]);
    if ("reason" in headers) return { outcome: "refused", reason: headers.reason };
    const { timestamp, signatures } = readElements(headers.valueOf(SIGNATURE));
    const late = timestampProblem(timestamp, request.receivedAt, toleranceSeconds);
    if (late !== undefined) return { outcome: "refused", reason: late };
    if (signatures.length === 0) return { outcome: "refused", reason: "NO_SUPPORTED_SIGNATURE" };
    const signed = signedBytes(timestamp, request.body);
    const candidates = signatures.map((signature) => decodeDigest(signature, "hex"));
    const match = matchHmac("sha256", signed, candidates, keys);
    if (match === undefined) return { outcome: "refused", reason: "SIGNATURE_MISMATCH" };
    const identity = identify(jsonTextMember(request.body, "id"), signed);
    return { outcome: "verified", matchedSecret: match.label, identity };
  },

  sign({ body, timestamp }, secret) {
    const digest = signWithText("sha256", signedBytes(timestamp, body), secret, "hex");
    return digest === undefined ? undefined : { [SIGNATURE]: `t=${timestamp},v1=${digest}` };
  },
};

function signedBytes(timestamp: string | undefined, body: Buffer): Buffer[] {
  return [headerBytes(`${timestamp}.`), body];
}

/** `t=…,v1=…,v1=…`; other versions are for others. Two timestamps are none. */
function readElements(header: string): { timestamp: string | undefined; signatures: string[] } {
  const elements = header.split(",").map((element) => {
    const [name = "", ...value] = element.split("=");
    return { name, value: value.join("=") };
  });
  const valuesOf = (wanted: string) => elements.filter(({ name }) => name === wanted).map(({ value }) => value);
  const timestamps = valuesOf("t");
  return { timestamp: timestamps.length === 1 ? timestamps[0] : undefined, signatures: valuesOf("v1") };
}

export const stripe = defineScheme({
  name: "STRIPE",
  configSchema: noConfig,
  secret: { kind: "senders", problem: anyText },
  receiver: () => receiver,
});
