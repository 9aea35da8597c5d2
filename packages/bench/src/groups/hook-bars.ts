import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import { parse } from "yaml";
import { z } from "zod";
import { queuesBar, stackBar, verificationBar } from "../bars/hook-bars.ts";
import { latencyBar, memoryBar } from "../bars/hook-limits.ts";
import { builtProgram } from "../child.ts";
import { createHookDatabases } from "../data/hook-databases.ts";
import type { BarResult } from "../rounds.ts";
import type { GroupOptions } from "./group.ts";

export const HOOK_BARS = { P1: stackBar, P2: verificationBar, P3B: queuesBar, P4: latencyBar, P13: memoryBar } as const;
/** More than the fastest side takes in its 2 and 5 seconds. */
const SIGNED = { warmUp: 60_000, measured: 140_000 };
const STEPS = 20;
const CONNECTIONS = { most: 64, steady: 32 };

/** Bars of the webhook intake: each window writes into a fresh database. */
export async function runHookBars({ ids, redisUrl, serverUrl, ...options }: GroupOptions): Promise<BarResult[]> {
  const databases = await createHookDatabases(serverUrl);
  const { hook, keyring } = databases;
  const gatewayArgs = [...nodeOptions("webhook-gateway"), ...builtProgram("apps/webhook-gateway/dist/main.js")];
  const sides = { hook, keyring, redisUrl, gatewayArgs };
  const freePort = (): Promise<number> => findFreePort();
  const bar = { ...options, databases, sides, signed: SIGNED, connections: CONNECTIONS, steps: STEPS, freePort };
  const results: BarResult[] = [];
  try {
    for (const [id, runBar] of Object.entries(HOOK_BARS)) {
      if (!ids.includes(id)) continue;
      results.push(await runBar(bar));
    }
  } finally {
    await databases.drop();
  }
  return results;
}

/** What docker-compose.yml has Node start a service with. */
function nodeOptions(service: string): string[] {
  const compose = readFileSync(join(import.meta.dirname, "../../../../docker-compose.yml"), "utf8");
  const { services } = composeSchema.parse(parse(compose, { merge: true }));
  return services[service]?.environment.NODE_OPTIONS?.split(" ") ?? [];
}

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.object({ environment: z.object({ NODE_OPTIONS: z.string().optional() }).default({}) }),
  ),
});
