import { z } from "zod";
import { unpublishWorkflow as unpublish } from "../domain/publishing/unpublish-workflow.ts";
import { defineAction } from "./define-action.ts";

export const unpublishWorkflow = defineAction({
  name: "unpublishWorkflow",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  accessKeys: "allowed",
  input: z.strictObject({ workflowId: z.uuid() }),
  output: z.object({ workflowId: z.uuid(), previousVersion: z.int().nullable() }),
  run: ({ workflowId }, { caller, deps }) => unpublish(deps, caller, workflowId),
});
