import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { listAccessKeys } from "../domain/access-keys.ts";
import { defineAction } from "./define-action.ts";

export const accessKeys = defineAction({
  name: "accessKeys",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({
    all: z
      .boolean()
      .nullish()
      .transform((all) => all ?? false),
  }),
  output: z.array(
    z.object({
      keyId: z.uuid(),
      userId: z.uuid(),
      name: z.string(),
      prefix: z.string(),
      createdAt: z.iso.datetime(),
      expiresAt: z.iso.datetime(),
      lastUsedAt: z.iso.datetime().nullable(),
      revokedAt: z.iso.datetime().nullable(),
    }),
  ),
  run: ({ all }, { caller, deps }) => listAccessKeys(deps, caller, all),
});
