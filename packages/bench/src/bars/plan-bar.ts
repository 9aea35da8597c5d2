import { join } from "node:path";
import { ENGINE_NODE_OPTIONS } from "@control-plane/hasura-engine/node-options";
import { z } from "zod";
import type { SampleTenant } from "../data/load-runs.ts";
import type { BarResult } from "../rounds.ts";
import type { RunOptions } from "../run-bar.ts";
import { runProgram } from "../run-program.ts";
import { engineEnv, type SideOptions } from "../sides.ts";
import { judgeLimit, medianOf } from "../verdict.ts";

const RATIO_MAX = 0.3;
const GROWTH_MEGABYTES_MAX = 64;
/** Of the engine's package: its types and those of PostGraphile cannot be in one program. */
const script = join(import.meta.dirname, "../../../hasura-engine/bench/documents.child.ts");

const costSchema = z.object({
  firstMicroseconds: z.number(),
  secondMicroseconds: z.number(),
  growthMegabytes: z.number(),
  documents: z.int(),
});

/** What a document costs the second time, and what is left in memory of documents that never come again. */
export async function planBar(
  [tenant]: readonly SampleTenant[],
  sides: SideOptions,
  { rounds, log }: Pick<RunOptions, "rounds" | "log">,
): Promise<BarResult> {
  if (tenant === undefined) throw new Error("a tenant is needed");
  const env = { ...engineEnv(sides), TENANT_ID: tenant.tenantId, USER_ID: tenant.userId };
  const measured: { ratio: number; growth: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const { firstMicroseconds, secondMicroseconds, growthMegabytes, documents } = await runProgram(
      script,
      env,
      costSchema,
      ENGINE_NODE_OPTIONS,
    );
    measured.push({ ratio: secondMicroseconds / firstMicroseconds, growth: growthMegabytes });
    log(
      `P11 round ${round + 1}/${rounds}: ${firstMicroseconds.toFixed(0)} µs the first time, ` +
        `${secondMicroseconds.toFixed(0)} µs the second; ${growthMegabytes.toFixed(0)} MB more after ${documents} documents`,
    );
  }
  const [ratios, growths] = [measured.map(({ ratio }) => ratio), measured.map(({ growth }) => growth)];
  return {
    id: "P11",
    title: "a document the second time, and 100,000 that never come again",
    ours: "engine",
    rounds: [],
    ratios: [],
    limits: [
      judgeLimit({ name: "processor time", value: medianOf(ratios), max: RATIO_MAX, unit: "× the first time" }),
      judgeLimit({ name: "growth over 100,000", value: medianOf(growths), max: GROWTH_MEGABYTES_MAX, unit: "MB" }),
    ],
    voided: [],
    skipped: [],
  };
}
