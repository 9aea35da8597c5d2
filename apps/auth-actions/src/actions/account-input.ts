import { nameText, storableText } from "@control-plane/service-kit";
import { z } from "zod";

/** Length only: what a password must be is decided where an account gets one; a wrong one must look like any other. */
export const passwordInput = storableText(1_024);
export const emailInput = z.string().trim().toLowerCase().max(254).pipe(z.email());
export const nameInput = nameText(120);
const slugInput = z
  .string()
  .regex(/^[a-z0-9](-?[a-z0-9]){1,62}$/, "must be lower-case letters and digits, single hyphens between them")
  .nullish()
  .transform((slug) => slug ?? undefined);
/** Length only: whatever is no token of an invitation is an unknown one. */
export const invitationTokenInput = storableText(128);

/** Arguments of the action and body of POST /auth/register. */
export const registrationSchema = z.strictObject({
  email: emailInput,
  password: passwordInput,
  name: nameInput,
  tenantName: nameInput,
  tenantSlug: slugInput,
});

/** Arguments of the action and body of POST /auth/login. */
export const credentialsSchema = z.strictObject({
  email: emailInput,
  password: passwordInput,
  tenantSlug: slugInput,
});

/** A secret that was handed out: refresh, reset and invitation tokens. What is none is simply unknown. */
export const secretInput = storableText(256);

export const okSchema = z.object({ ok: z.boolean() });
