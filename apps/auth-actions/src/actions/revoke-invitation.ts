import { z } from "zod";
import { revokeInvitation as revoke } from "../domain/invitations.ts";
import { defineAction } from "./define-action.ts";

export const revokeInvitation = defineAction({
  name: "revokeInvitation",
  access: { kind: "member", roles: ["owner", "admin"] },
  input: z.strictObject({ invitationId: z.uuid() }),
  output: z.object({ ok: z.boolean() }),
  run: ({ invitationId }, { caller, deps }) => revoke(deps, caller, invitationId),
});
