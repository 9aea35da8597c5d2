import { retryRun as retry } from "@control-plane/runs";
import { type Caller, currentTrace, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { impossibleWay, isPossibleWay, retryWayShape } from "./retry-contract.ts";

export const retryRun = defineAction({
  name: "retryRun",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({ runId: z.uuid(), ...retryWayShape }).refine(isPossibleWay, impossibleWay),
  output: z.object({ runId: z.uuid() }),
  async run({ runId, from, version }, { caller, deps }: { caller: Caller; deps: Deps }) {
    const way = { from, version, traceparent: currentTrace()?.traceparent };
    return { runId: await retry(deps.db, caller, runId, way) };
  },
});
