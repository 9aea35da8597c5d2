import { nameText } from "@control-plane/service-kit";
import { z } from "zod";
import { createConnection as create } from "../domain/connections/create-connection.ts";
import { configInput, connectionStateOutput, secretsInput } from "./connection-contract.ts";
import { defineAction } from "./define-action.ts";

export const createConnection = defineAction({
  name: "createConnection",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  accessKeys: "allowed",
  input: z.strictObject({
    name: nameText(120),
    appVersionId: z.uuid(),
    config: configInput.nullish().transform((value) => value ?? {}),
    secrets: secretsInput,
  }),
  output: connectionStateOutput,
  run: (input, { caller, deps }) => create(deps, caller, input),
});
