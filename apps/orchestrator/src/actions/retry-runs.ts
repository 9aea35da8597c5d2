import { retryRuns as retry } from "@control-plane/runs";
import { type Caller, currentTrace, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { dryRunSchema, runFilterSchema } from "./bulk-contract.ts";
import { impossibleWay, isPossibleWay, retryWayShape } from "./retry-contract.ts";

export const retryRuns = defineAction({
  name: "retryRuns",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z
    .strictObject({
      filter: runFilterSchema(["FAILED", "TIMED_OUT", "CANCELLED", "SUCCEEDED"], ["FAILED", "TIMED_OUT"]),
      ...retryWayShape,
      dryRun: dryRunSchema,
    })
    .refine(isPossibleWay, impossibleWay),
  output: z.object({ matched: z.int(), created: z.int(), skipped: z.int(), remaining: z.int() }),
  async run({ filter, dryRun, from, version }, { caller, deps }: { caller: Caller; deps: Deps }) {
    const way = { from, version, traceparent: currentTrace()?.traceparent };
    const result = await retry(deps.bulkDb, caller, { filter, dryRun }, way, deps.bulk);
    if (!dryRun) deps.log.info({ tenantId: caller.tenantId, ...result }, "many runs retried");
    return result;
  },
});
