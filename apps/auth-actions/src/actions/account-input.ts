import { z } from "zod";

/** Length only: what a password must be is decided where an account gets one; a wrong one must look like any other. */
const passwordInput = z.string().min(1).max(1_024);
const emailInput = z.string().trim().toLowerCase().max(254).pipe(z.email());
const nameInput = z.string().trim().min(1).max(120);
const slugInput = z
  .string()
  .regex(/^[a-z0-9](-?[a-z0-9]){1,62}$/, "must be lower-case letters and digits, single hyphens between them")
  .nullish()
  .transform((slug) => slug ?? undefined);

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
