import { z } from "zod";
import { publishAppVersion as publish } from "../domain/publishing/publish-app-version.ts";
import { defineAction } from "./define-action.ts";
import { dryRunInput, problemsOutput } from "./publishing-contract.ts";

export const publishAppVersion = defineAction({
  name: "publishAppVersion",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  accessKeys: "allowed",
  input: z.strictObject({
    appId: z.uuid(),
    version: z
      .string()
      .regex(/^\d{1,6}\.\d{1,6}\.\d{1,6}$/, "must be major.minor.patch")
      .nullish()
      .transform((value) => value ?? undefined),
    dryRun: dryRunInput,
  }),
  output: z.object({
    appVersionId: z.uuid(),
    version: z.string(),
    isLatest: z.boolean(),
    publishedAt: z.iso.datetime().nullable(),
    problems: problemsOutput,
  }),
  run: (input, { caller, deps }) => publish(deps, caller, input),
});
