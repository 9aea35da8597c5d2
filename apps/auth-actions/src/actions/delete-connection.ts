import { z } from "zod";
import { deleteConnection as remove } from "../domain/connections/delete-connection.ts";
import { defineAction } from "./define-action.ts";

export const deleteConnection = defineAction({
  name: "deleteConnection",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  accessKeys: "allowed",
  input: z.strictObject({
    connectionId: z.uuid(),
    force: z
      .boolean()
      .nullish()
      .transform((value) => value ?? false),
  }),
  output: z.object({ ok: z.boolean() }),
  run: (input, { caller, deps }) => remove(deps, caller, input),
});
