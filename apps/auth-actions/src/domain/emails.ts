import { type Envelope, type Place, uuidv7 } from "@control-plane/crypto";
import type { Transaction } from "@control-plane/db";
import { z } from "zod";
import { insertEmail } from "../store/emails.ts";

/** What a mail is made of. It lies in `internal.emails` as ciphertext and is cleared once the mail is SENT or FAILED. */
export const emailPayloadSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("INVITATION"),
    token: z.string().startsWith("inv_"),
    tenantName: z.string(),
    inviterName: z.string(),
    role: z.enum(["admin", "builder", "viewer"]),
    expiresAt: z.iso.datetime(),
  }),
  z.strictObject({
    kind: z.literal("PASSWORD_RESET"),
    token: z.string().startsWith("pwr_"),
    name: z.string(),
    expiresAt: z.iso.datetime(),
  }),
]);
export type EmailPayload = z.infer<typeof emailPayloadSchema>;

export type NewEmail = {
  /** Null for mail of no tenant, such as a password reset. */
  tenantId: string | null;
  recipient: string;
  invitationId?: string | undefined;
  payload: EmailPayload;
};

export type SealedEmail = {
  id: string;
  tenantId: string | null;
  kind: EmailPayload["kind"];
  recipient: string;
  invitationId: string | null;
  payloadCipher: Buffer;
};

/** Comes before the transaction that queues the mail: sealing may ask the key provider over the network. */
export async function sealEmail(envelope: Envelope, email: NewEmail): Promise<SealedEmail> {
  const id = uuidv7();
  const { tenantId, recipient, invitationId = null, payload } = email;
  const payloadCipher = await sealPayload(envelope, { id, tenantId }, payload);
  return { id, tenantId, kind: payload.kind, recipient, invitationId, payloadCipher };
}

/** The payload as the row with this id holds it. */
export function sealPayload(
  envelope: Envelope,
  { id, tenantId }: Pick<SealedEmail, "id" | "tenantId">,
  payload: EmailPayload,
): Promise<Buffer> {
  return envelope.seal(placeOf(id, tenantId), Buffer.from(JSON.stringify(payload), "utf8"));
}

/** In the transaction of what the mail tells about: both exist or neither does. A database trigger wakes the mail loop. */
export async function queueEmail(tx: Transaction, email: SealedEmail): Promise<void> {
  await insertEmail(tx, email);
}

/** The payload of a row. Throws `EnvelopeError` for a cipher that was changed or moved. */
export async function openEmail(
  envelope: Envelope,
  email: Pick<SealedEmail, "id" | "tenantId" | "payloadCipher">,
): Promise<EmailPayload> {
  const opened = await envelope.open(placeOf(email.id, email.tenantId), email.payloadCipher);
  return emailPayloadSchema.parse(JSON.parse(opened.toString("utf8")));
}

function placeOf(id: string, tenantId: string | null): Place {
  return { tenantId, table: "emails", rowId: id, column: "payload_cipher" };
}
