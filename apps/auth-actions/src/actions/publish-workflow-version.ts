import { z } from "zod";
import { publishWorkflowVersion as publish } from "../domain/publishing/publish-workflow-version.ts";
import { defineAction } from "./define-action.ts";
import { dryRunInput, problemsOutput } from "./publishing-contract.ts";

const optionalInt = (schema: z.ZodInt) => schema.nullish().transform((value) => value ?? undefined);

export const publishWorkflowVersion = defineAction({
  name: "publishWorkflowVersion",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  accessKeys: "allowed",
  input: z.strictObject({
    workflowId: z.uuid(),
    version: optionalInt(z.int().min(1)),
    expectedLatestVersion: optionalInt(z.int().min(0)),
    dryRun: dryRunInput,
  }),
  output: z.object({
    workflowVersionId: z.uuid(),
    version: z.int(),
    isLatest: z.boolean(),
    publishedAt: z.iso.datetime().nullable(),
    previousVersion: z.int().nullable(),
    problems: problemsOutput,
  }),
  run: (input, { caller, deps }) => publish(deps, caller, input),
});
