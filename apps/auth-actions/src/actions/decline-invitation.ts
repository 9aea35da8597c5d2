import { z } from "zod";
import { declineInvitation as decline } from "../domain/accept-invitation.ts";
import { invitationTokenInput } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const declineInvitation = defineAction({
  name: "declineInvitation",
  access: { kind: "anonymous" },
  input: z.strictObject({ token: invitationTokenInput }),
  output: z.object({ ok: z.boolean() }),
  run: ({ token }, { deps, origin }) => decline(deps, token, origin),
});
