import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgres, startRedis } from "@control-plane/local-stores";
import { ArgumentError, type BenchArguments, readArguments } from "./arguments.ts";
import { workDir } from "./child.ts";
import { chooseGenerator } from "./generators/choose.ts";
import { HOOK_BARS, runHookBars } from "./groups/hook-bars.ts";
import { READ_BAR_IDS, runReadBars } from "./groups/read-bars.ts";
import { RUN_BARS, runRunBars } from "./groups/run-bars.ts";
import { runStartBars, START_BAR_IDS } from "./groups/start-bars.ts";
import { describeMachine, isBusy } from "./machine.ts";
import { holds, machineLines, resultLines } from "./report.ts";

/** Bars that are measured over the same data. Redis is there for those that name it. */
const GROUPS = [
  { ids: Object.keys(HOOK_BARS), run: runHookBars, needsRedis: () => true },
  { ids: Object.keys(RUN_BARS), run: runRunBars, needsRedis: () => true },
  { ids: READ_BAR_IDS, run: runReadBars, needsRedis: (ids: readonly string[]) => ids.includes("P15") },
  { ids: START_BAR_IDS, run: runStartBars, needsRedis: () => true },
] as const;
const IDS = GROUPS.flatMap(({ ids }) => ids);
const PACE = { warmUpSeconds: 2, measuredSeconds: 5 };

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const detail = (line: string): void => print(`  · ${line}`);

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2), IDS);
  mkdirSync(workDir, { recursive: true });
  const groups = GROUPS.map((group) => ({ ...group, ids: group.ids.filter((id) => args.only.includes(id)) }));
  const isRedisNeeded = groups.some(({ ids, needsRedis }) => ids.length > 0 && needsRedis(ids));
  const { DATABASE_URL: given = "" } = process.env;
  const postgres =
    given === "" ? await startPostgres({ dataDir: join(workDir, "postgres"), fresh: true, log: detail }) : undefined;
  const redis = isRedisNeeded
    ? await startRedis({ dataDir: join(workDir, "redis"), fresh: true, log: detail })
    : undefined;
  try {
    return await runAll(groups, args, { databaseUrl: postgres?.url ?? given, redisUrl: redis?.url });
  } finally {
    await redis?.stop();
    await postgres?.stop();
  }
}

type Stores = { databaseUrl: string; redisUrl: string | undefined };

async function runAll(
  groups: readonly { ids: readonly string[]; run: (typeof GROUPS)[number]["run"] }[],
  args: BenchArguments,
  stores: Stores,
): Promise<number> {
  const generator = chooseGenerator();
  const machine = await describeMachine(stores, workDir, generator.name);
  for (const line of machineLines(machine)) print(line);
  if (isBusy(machine) && !args.force) {
    print("the machine is busy: load average above half the cores. Wait, or use --force");
    return 1;
  }
  const results = [];
  for (const { ids, run } of groups) {
    if (ids.length === 0) continue;
    const { databaseUrl: serverUrl, redisUrl = "" } = stores;
    results.push(...(await run({ ids, rounds: args.rounds, pace: PACE, generator, serverUrl, redisUrl, log: detail })));
  }
  const file = join(workDir, `${new Date().toISOString().replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify({ machine, forced: args.force && isBusy(machine), results }, undefined, 2)}\n`);
  print("");
  for (const line of results.flatMap(resultLines)) print(line);
  print(`written: ${file.slice(file.indexOf(".local"))}`);
  return results.every((result) => holds(result, process.env.REQUIRE_ALL === "1")) ? 0 : 1;
}

const code = await main().catch((error: unknown) => {
  if (error instanceof ArgumentError) {
    print(`${error.message}\nusage: npm run bench [-- --only ${IDS.join(",")}] [--rounds 5] [--force]`);
    return 1;
  }
  throw error;
});
process.exitCode = code;
