import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { acceptInvitation as accept } from "../domain/accept-invitation.ts";
import { authPayloadSchema } from "../domain/sessions.ts";
import { invitationTokenInput, nameInput, passwordInput } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

/** Anonymous, it signs in or makes an account; signed in, in whatever tenant, it joins this one too. */
export const acceptInvitation = defineAction({
  name: "acceptInvitation",
  access: { kind: "either", roles: MEMBER_ROLES },
  input: z.strictObject({
    token: invitationTokenInput,
    password: passwordInput.nullish().transform((password) => password ?? undefined),
    name: nameInput.nullish().transform((name) => name ?? undefined),
  }),
  output: authPayloadSchema,
  run: (input, { caller, deps, origin }) => accept(deps, caller, input, origin),
});
