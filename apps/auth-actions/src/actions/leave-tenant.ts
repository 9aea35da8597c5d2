import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { leaveTenant as leave } from "../domain/members.ts";
import { defineAction } from "./define-action.ts";

export const leaveTenant = defineAction({
  name: "leaveTenant",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({}),
  output: z.object({ ok: z.boolean() }),
  run: (_input, { caller, deps }) => leave(deps, caller),
});
