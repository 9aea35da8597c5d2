import { z } from "zod";
import { removeMember as remove } from "../domain/members.ts";
import { defineAction } from "./define-action.ts";

export const removeMember = defineAction({
  name: "removeMember",
  access: { kind: "member", roles: ["owner", "admin"] },
  input: z.strictObject({ membershipId: z.uuid() }),
  output: z.object({ ok: z.boolean() }),
  run: ({ membershipId }, { caller, deps }) => remove(deps, caller, membershipId),
});
