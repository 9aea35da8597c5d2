import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { revokeAccessKey as revoke } from "../domain/access-keys.ts";
import { okSchema } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const revokeAccessKey = defineAction({
  name: "revokeAccessKey",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({ keyId: z.uuid() }),
  output: okSchema,
  run: ({ keyId }, { caller, deps }) => revoke(deps, caller, keyId),
});
