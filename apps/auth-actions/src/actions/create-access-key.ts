import { MEMBER_ROLES, nameText } from "@control-plane/service-kit";
import { z } from "zod";
import { createAccessKey as create } from "../domain/access-keys.ts";
import { defineAction } from "./define-action.ts";

const DAYS_DEFAULT = 90;
const DAYS_MAX = 365;

export const createAccessKey = defineAction({
  name: "createAccessKey",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({
    name: nameText(100),
    expiresInDays: z
      .int()
      .min(1)
      .max(DAYS_MAX)
      .nullish()
      .transform((days) => days ?? DAYS_DEFAULT),
  }),
  output: z.object({ keyId: z.uuid(), key: z.string(), expiresAt: z.iso.datetime() }),
  run: (input, { caller, deps }) => create(deps, caller, input),
});
