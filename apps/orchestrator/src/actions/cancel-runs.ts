import { cancelRuns as cancel } from "@control-plane/runs";
import { type Caller, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { dryRunSchema, runFilterSchema } from "./bulk-contract.ts";

const STATUSES = ["PENDING", "QUEUED", "RUNNING"] as const;

export const cancelRuns = defineAction({
  name: "cancelRuns",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({ filter: runFilterSchema(STATUSES, STATUSES), dryRun: dryRunSchema }),
  output: z.object({ matched: z.int(), cancelled: z.int(), cancelling: z.int(), remaining: z.int() }),
  async run(input, { caller, deps }: { caller: Caller; deps: Deps }) {
    const result = await cancel(deps.bulkDb, caller, input, deps.bulk);
    if (result.cancelled > 0) deps.dispatchSignal.wake();
    if (!input.dryRun) deps.log.info({ tenantId: caller.tenantId, ...result }, "many runs cancelled");
    return result;
  },
});
