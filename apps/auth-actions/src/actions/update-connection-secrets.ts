import { z } from "zod";
import { updateConnectionSecrets as update } from "../domain/connections/update-connection-secrets.ts";
import { configInput, connectionStateOutput, secretsInput } from "./connection-contract.ts";
import { defineAction } from "./define-action.ts";

export const updateConnectionSecrets = defineAction({
  name: "updateConnectionSecrets",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  accessKeys: "allowed",
  input: z.strictObject({
    connectionId: z.uuid(),
    secrets: secretsInput,
    config: configInput.nullish().transform((value) => value ?? undefined),
  }),
  output: connectionStateOutput,
  run: (input, { caller, deps }) => update(deps, caller, input),
});
