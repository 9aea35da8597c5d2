import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { changeMemberRole as change } from "../domain/members.ts";
import { defineAction } from "./define-action.ts";

export const changeMemberRole = defineAction({
  name: "changeMemberRole",
  access: { kind: "member", roles: ["owner", "admin"] },
  input: z.strictObject({ membershipId: z.uuid(), role: z.enum(MEMBER_ROLES) }),
  output: z.object({ membershipId: z.uuid(), role: z.enum(MEMBER_ROLES) }),
  run: (input, { caller, deps }) => change(deps, caller, input),
});
