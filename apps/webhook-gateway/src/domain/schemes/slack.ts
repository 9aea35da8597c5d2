import { headerBytes, neededHeaders } from "./headers.ts";
import { decodeDigest, matchHmac, signWithText, textKeys } from "./hmac.ts";
import { identify, jsonTextMember } from "./identity.ts";
import { anyText, defineScheme, noConfig, type Receiver } from "./scheme.ts";
import { timestampProblem } from "./timestamp.ts";

const SIGNATURE = "x-slack-signature";
const TIMESTAMP = "x-slack-request-timestamp";
const PREFIX = "v0=";

/** https://docs.slack.dev/authentication/verifying-requests-from-slack: hex HMAC-SHA256 of `v0:timestamp:body`. */
const receiver: Receiver = {
  headersKept: [TIMESTAMP, "x-slack-retry-num", "x-slack-retry-reason"],
  headersRedacted: [SIGNATURE],

  verify(request, secrets, toleranceSeconds) {
    const keys = textKeys(secrets);
    if (keys.length === 0) return { outcome: "refused", reason: "SECRET_UNUSABLE" };
    const headers = neededHeaders(request, [TIMESTAMP, SIGNATURE]);
    if ("reason" in headers) return { outcome: "refused", reason: headers.reason };
    const [timestamp, signature] = [headers.valueOf(TIMESTAMP), headers.valueOf(SIGNATURE)];
    const late = timestampProblem(timestamp, request.receivedAt, toleranceSeconds);
    if (late !== undefined) return { outcome: "refused", reason: late };
    if (!signature.startsWith(PREFIX)) return { outcome: "refused", reason: "NO_SUPPORTED_SIGNATURE" };
    const signed = signedBytes(timestamp, request.body);
    const match = matchHmac("sha256", signed, [decodeDigest(signature.slice(PREFIX.length), "hex")], keys);
    if (match === undefined) return { outcome: "refused", reason: "SIGNATURE_MISMATCH" };
    const identity = identify(jsonTextMember(request.body, "event_id"), signed);
    return { outcome: "verified", matchedSecret: match.label, identity };
  },

  sign({ body, timestamp }, secret) {
    const digest = signWithText("sha256", signedBytes(timestamp, body), secret, "hex");
    return digest === undefined ? undefined : { [TIMESTAMP]: timestamp, [SIGNATURE]: `${PREFIX}${digest}` };
  },
};

function signedBytes(timestamp: string, body: Buffer): Buffer[] {
  return [headerBytes(`v0:${timestamp}:`), body];
}

export const slack = defineScheme({
  name: "SLACK",
  configSchema: noConfig,
  secret: { kind: "senders", problem: anyText },
  receiver: () => receiver,
});
