import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePort, startPostgres } from "@control-plane/local-stores";
import { ArgumentError, type BenchArguments, readArguments } from "./arguments.ts";
import { listBar, oneRowBar } from "./bars/read-bars.ts";
import { workDir } from "./child.ts";
import { FULL_SCALE, loadRuns, sampleTenants } from "./data/load-runs.ts";
import { chooseGenerator } from "./generators/choose.ts";
import { serveLogSchema } from "./logs-upstream.ts";
import { describeMachine, isBusy } from "./machine.ts";
import { holds, machineLines, resultLines } from "./report.ts";
import { type BarResult, runBar } from "./run-bar.ts";
import { builtEngine, type SideOptions } from "./sides.ts";
import { createSigner } from "./tokens.ts";

const BARS = { P8: listBar, P9: oneRowBar } as const;
const PACE = { warmUpSeconds: 2, measuredSeconds: 5 };
const RUNS_EACH = 40;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2), Object.keys(BARS));
  mkdirSync(workDir, { recursive: true });
  const { DATABASE_URL: given = "" } = process.env;
  if (given !== "") return runAll(args, given);
  const dataDir = join(workDir, "postgres");
  const postgres = await startPostgres({ dataDir, fresh: true, log: (line) => print(`  · ${line}`) });
  try {
    return await runAll(args, postgres.url);
  } finally {
    await postgres.stop();
  }
}

async function runAll(args: BenchArguments, serverUrl: string): Promise<number> {
  const generator = chooseGenerator();
  const machine = await describeMachine(serverUrl, workDir, generator.name);
  for (const line of machineLines(machine)) print(line);
  if (isBusy(machine) && !args.force) {
    print("the machine is busy: load average above half the cores. Wait, or use --force");
    return 1;
  }
  print(`loading ${FULL_SCALE.runs} runs …`);
  const data = await loadRuns(serverUrl, FULL_SCALE);
  const logs = await serveLogSchema();
  const results: BarResult[] = [];
  try {
    const tenants = await sampleTenants(data.url, RUNS_EACH);
    const options: SideOptions = { data, signer: createSigner(), logsUrl: logs.url, engineArgs: builtEngine() };
    for (const [id, makeBar] of Object.entries(BARS)) {
      if (!args.only.includes(id)) continue;
      const bar = makeBar(tenants, options);
      results.push(
        await runBar(bar, {
          rounds: args.rounds,
          pace: PACE,
          generator,
          freePort: () => findFreePort(),
          log: (line) => print(`  · ${line}`),
        }),
      );
    }
  } finally {
    logs.close();
    await data.drop();
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
    print(`${error.message}\nusage: npm run bench [-- --only ${Object.keys(BARS).join(",")}] [--rounds 5] [--force]`);
    return 1;
  }
  throw error;
});
process.exitCode = code;
