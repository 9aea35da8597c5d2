import { randomBytes } from "node:crypto";
import { z } from "zod";
import { headerNameSchema } from "./header-name.ts";
import { neededHeaders, optionalHeader } from "./headers.ts";
import { decodeDigest, matchHmac, signWithText, textKeys } from "./hmac.ts";
import { identify } from "./identity.ts";
import { anyText, defineScheme, type Receiver } from "./scheme.ts";
import { countOf, fillTemplate, parseTemplate } from "./template.ts";
import { timestampProblem } from "./timestamp.ts";

const configSchema = z
  .strictObject({
    signatureHeader: headerNameSchema,
    /** Stands before the digest in the header. */
    prefix: z
      .string()
      .regex(/^[\x20-\x7e]{0,64}$/, "must be at most 64 printable ASCII characters")
      .default(""),
    algorithm: z.enum(["sha256", "sha512"]),
    encoding: z.enum(["hex", "base64", "base64url"]),
    template: z.string().regex(/^[\n\x20-\x7e]{1,256}$/, "must be 1 to 256 printable ASCII characters or line feeds"),
    timestampHeader: headerNameSchema.optional(),
    idHeader: headerNameSchema.optional(),
  })
  .superRefine(({ template: text, signatureHeader, timestampHeader, idHeader }, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    const template = parseTemplate(text);
    if (template === undefined) return say("template", "has a placeholder that does not exist");
    if (countOf(template, "body") !== 1) say("template", "must have {body} exactly once");
    if (countOf(template, "timestamp") > 0 && timestampHeader === undefined)
      say("timestampHeader", "is needed for {timestamp}");
    if (countOf(template, "id") > 0 && idHeader === undefined) say("idHeader", "is needed for {id}");
    if (timestampHeader === signatureHeader) say("timestampHeader", "must not be the header of the signature");
    if (idHeader === signatureHeader) say("idHeader", "must not be the header of the signature");
  });

/** Any sender that signs with HMAC, told by configuration what it signs and where it puts the signature. */
export const genericHmac = defineScheme({
  name: "GENERIC_HMAC",
  configSchema,
  secret: { kind: "ours", make: () => randomBytes(32).toString("hex"), problem: anyText },
  receiver: createReceiver,
});

function createReceiver(config: z.infer<typeof configSchema>): Receiver {
  const { signatureHeader, timestampHeader, idHeader, prefix, algorithm, encoding } = config;
  const template = parseTemplate(config.template) ?? [];
  const isIdSigned = countOf(template, "id") > 0;
  const needed = [signatureHeader, timestampHeader, isIdSigned ? idHeader : undefined].filter(isGiven);
  return {
    headersKept: [timestampHeader, idHeader].filter(isGiven),
    headersRedacted: [signatureHeader],

    verify(request, secrets, toleranceSeconds) {
      const keys = textKeys(secrets);
      if (keys.length === 0) return { outcome: "refused", reason: "SECRET_UNUSABLE" };
      const headers = neededHeaders(request, needed);
      if ("reason" in headers) return { outcome: "refused", reason: headers.reason };
      const timestamp = timestampHeader === undefined ? "" : headers.valueOf(timestampHeader);
      const late =
        timestampHeader === undefined ? undefined : timestampProblem(timestamp, request.receivedAt, toleranceSeconds);
      if (late !== undefined) return { outcome: "refused", reason: late };
      const signature = headers.valueOf(signatureHeader);
      if (!signature.startsWith(prefix)) return { outcome: "refused", reason: "NO_SUPPORTED_SIGNATURE" };
      const id = idHeader === undefined ? undefined : optionalHeader(request, idHeader);
      const signed = fillTemplate(template, request, { timestamp, id: id ?? "" });
      const match = matchHmac(algorithm, signed, [decodeDigest(signature.slice(prefix.length), encoding)], keys);
      if (match === undefined) return { outcome: "refused", reason: "SIGNATURE_MISMATCH" };
      // A signed id too: where nothing marks its end, the same bytes can be cut into another id and another body.
      const remembered = idHeader === undefined ? undefined : match.signature;
      return { outcome: "verified", matchedSecret: match.label, identity: identify(id, signed, remembered) };
    },

    sign(request, secret) {
      const digest = signWithText(algorithm, fillTemplate(template, request, request), secret, encoding);
      if (digest === undefined) return undefined;
      return {
        ...(timestampHeader === undefined ? {} : { [timestampHeader]: request.timestamp }),
        ...(idHeader === undefined ? {} : { [idHeader]: request.id }),
        [signatureHeader]: `${prefix}${digest}`,
      };
    },
  };
}

function isGiven(name: string | undefined): name is string {
  return name !== undefined;
}
