import { join } from "node:path";
import { findFreePort, type Store, startMongo } from "@control-plane/local-stores";
import { type Starter, startBar } from "../bars/start-bar.ts";
import { workDir } from "../child.ts";
import { createHookDatabases } from "../data/hook-databases.ts";
import type { BarResult } from "../rounds.ts";
import { measureService, servicesOf } from "../starts/services.ts";
import { measureStack } from "../starts/whole-stack.ts";
import type { GroupOptions } from "./group.ts";

export const START_BAR_IDS: readonly string[] = ["P14"];
const SECONDS_MAX = { service: 1.5, stack: 15 };

/** Each service on stores that are up, then everything as a newcomer starts it the second time. */
export async function runStartBars({ redisUrl, serverUrl, rounds, log }: GroupOptions): Promise<BarResult[]> {
  const databases = await createHookDatabases(serverUrl);
  const database = await databases.create("full");
  const mongo = await startMongo({ dataDir: join(workDir, "mongo"), log });
  try {
    const mongoUrl = databaseOf(mongo);
    const services = servicesOf({ databaseUrl: database.url, redisUrl, mongoUrl, keyring: databases.keyring });
    const freePort = () => findFreePort();
    const starters: Starter[] = [
      ...Object.entries(services).map(([name, env]) => ({
        name,
        secondsMax: SECONDS_MAX.service,
        measure: () => measureService(name, env, freePort),
      })),
      { name: "whole stack", secondsMax: SECONDS_MAX.stack, measure: measureStack },
    ];
    return [await startBar(starters, { rounds, log })];
  } finally {
    await mongo.stop();
    await database.drop();
    await databases.drop();
  }
}

function databaseOf({ url }: Store): string {
  const named = new URL(url);
  named.pathname = "/bench";
  return named.href;
}
