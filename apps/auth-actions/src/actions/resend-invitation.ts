import { z } from "zod";
import { resendInvitation as resend } from "../domain/invitations.ts";
import { defineAction } from "./define-action.ts";

export const resendInvitation = defineAction({
  name: "resendInvitation",
  access: { kind: "member", roles: ["owner", "admin"] },
  input: z.strictObject({ invitationId: z.uuid() }),
  output: z.object({ invitationId: z.uuid(), expiresAt: z.iso.datetime() }),
  run: ({ invitationId }, { caller, deps }) => resend(deps, caller, invitationId),
});
