import { z } from "zod";
import { inviteUserToTenant as invite } from "../domain/invitations.ts";
import { emailInput } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const inviteUserToTenant = defineAction({
  name: "inviteUserToTenant",
  access: { kind: "member", roles: ["owner", "admin"] },
  input: z.strictObject({ email: emailInput, role: z.enum(["admin", "builder", "viewer"]) }),
  output: z.object({ invitationId: z.uuid(), expiresAt: z.iso.datetime() }),
  run: (input, { caller, deps }) => invite(deps, caller, input),
});
