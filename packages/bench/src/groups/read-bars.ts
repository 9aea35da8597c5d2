import { ENGINE_NODE_OPTIONS } from "@control-plane/hasura-engine/node-options";
import { findFreePort } from "@control-plane/local-stores";
import { besideHostileBar } from "../bars/beside-hostile-bar.ts";
import { planBar } from "../bars/plan-bar.ts";
import { listBar, oneRowBar } from "../bars/read-bars.ts";
import { type SignInOptions, signInBar } from "../bars/sign-in-bar.ts";
import { builtProgram } from "../child.ts";
import { FULL_SCALE, loadRuns, sampleTenants } from "../data/load-runs.ts";
import { serveLogSchema } from "../logs-upstream.ts";
import type { BarResult } from "../rounds.ts";
import { runBar } from "../run-bar.ts";
import type { SideOptions } from "../sides.ts";
import { createSigner } from "../tokens.ts";
import type { GroupOptions } from "./group.ts";

const READ_BARS = { P8: listBar, P9: oneRowBar, P15: signInBar } as const;
/** Not in rounds of sides: one engine alone, or with and without a neighbour. FAIR comes last, as it changes rows. */
const ENGINE_BARS = { P11: planBar, FAIR: besideHostileBar } as const;
export const READ_BAR_IDS: readonly string[] = [...Object.keys(READ_BARS), ...Object.keys(ENGINE_BARS)];
const RUNS_EACH = 40;

/** Bars over 200,000 runs that only read, or write elsewhere: they share one database. */
export async function runReadBars({ ids, redisUrl, serverUrl, ...options }: GroupOptions): Promise<BarResult[]> {
  options.log(`loading ${FULL_SCALE.runs} runs`);
  const data = await loadRuns(serverUrl, FULL_SCALE);
  const logs = await serveLogSchema();
  const results: BarResult[] = [];
  try {
    const tenants = await sampleTenants(data.url, RUNS_EACH);
    const sides: SideOptions & SignInOptions = {
      data,
      signer: createSigner(),
      logsUrl: logs.url,
      engineArgs: [...ENGINE_NODE_OPTIONS, ...builtProgram("packages/hasura-engine/dist/cli.js")],
      redisUrl,
      authArgs: builtProgram("apps/auth-actions/dist/main.js"),
    };
    for (const [id, makeBar] of Object.entries(READ_BARS)) {
      if (!ids.includes(id)) continue;
      results.push(await runBar(makeBar(tenants, sides), { ...options, freePort: () => findFreePort() }));
    }
    for (const [id, measureBar] of Object.entries(ENGINE_BARS)) {
      if (ids.includes(id))
        results.push(await measureBar(tenants, sides, { ...options, freePort: () => findFreePort() }));
    }
  } finally {
    logs.close();
    await data.drop();
  }
  return results;
}
