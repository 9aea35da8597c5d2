import { findFreePort } from "@control-plane/local-stores";
import { dispatchBar, eventsBar, wholeRunBar } from "../bars/run-bars.ts";
import { costBar } from "../bars/run-cost.ts";
import { fairnessBar } from "../bars/run-limits.ts";
import { createHookDatabases } from "../data/hook-databases.ts";
import type { BarResult } from "../rounds.ts";
import type { GroupOptions } from "./group.ts";

export const RUN_BARS = { P5: wholeRunBar, P6: dispatchBar, P7: eventsBar, R5: fairnessBar, COST: costBar } as const;

/** Bars of the life of a run: each window has a fresh database. */
export async function runRunBars({ ids, redisUrl, serverUrl, ...options }: GroupOptions): Promise<BarResult[]> {
  const databases = await createHookDatabases(serverUrl);
  const results: BarResult[] = [];
  try {
    for (const [id, runBar] of Object.entries(RUN_BARS)) {
      if (!ids.includes(id)) continue;
      results.push(await runBar({ ...options, databases, redisUrl, freePort: () => findFreePort() }));
    }
  } finally {
    await databases.drop();
  }
  return results;
}
