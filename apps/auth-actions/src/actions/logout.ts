import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { logout as endSession } from "../domain/sign-out.ts";
import { okSchema, secretInput } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

const contract = { name: "logout", input: z.strictObject({ refreshToken: secretInput }), output: okSchema };

export const logout = defineAction({
  ...contract,
  access: { kind: "member", roles: MEMBER_ROLES },
  run: ({ refreshToken }, { deps }) => endSession(deps, refreshToken),
});

/** Over HTTP the refresh token alone is the proof: the access token may have run out. */
export const logoutOverHttp = defineAction({
  ...contract,
  access: { kind: "anonymous" },
  run: ({ refreshToken }, { deps }) => endSession(deps, refreshToken),
});
