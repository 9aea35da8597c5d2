import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { logoutEverywhere as endAll } from "../domain/sign-out.ts";
import { defineAction } from "./define-action.ts";

export const logoutEverywhere = defineAction({
  name: "logoutEverywhere",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({}),
  output: z.object({ ended: z.int() }),
  run: (_input, { caller, deps }) => endAll(deps, caller),
});
