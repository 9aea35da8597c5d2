import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTemporaryStores } from "@control-plane/local-stores";
import { readScenarios } from "./read-scenarios.ts";
import { startConformance } from "./start-conformance.ts";

const USAGE = "usage: cli.ts -- <command that starts the runner> [arguments]";

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Plays every scenario against the runner that the arguments start. @returns the exit code */
async function main(words: readonly string[]): Promise<number> {
  const [command, ...args] = words[0] === "--" ? words.slice(1) : words;
  if (command === undefined) {
    print(USAGE);
    return 1;
  }
  const scenarios = await readScenarios();
  const logDir = await mkdtemp(join(tmpdir(), "runner-conformance-"));
  const logFile = join(logDir, "runner.log");
  const stores = await startTemporaryStores(print, ["redis"]);
  const redisUrl = stores.env.REDIS_URL ?? process.env.REDIS_URL;
  if (redisUrl === undefined) throw new Error("there is no Redis: name one in REDIS_URL");
  const conformance = await startConformance(
    { command, args, cwd: process.cwd(), env: process.env, logFile },
    { redisUrl, mongodbUrl: process.env.MONGODB_URL },
  );
  let failures = 0;
  try {
    for (const { name, scenario } of scenarios) {
      const problems = await conformance.play(scenario);
      if (problems.length > 0) failures += 1;
      print(`${problems.length === 0 ? "ok  " : "FAIL"} ${name}: ${scenario.title}`);
      for (const problem of problems) print(`       ${problem}`);
    }
  } finally {
    await conformance.stop();
    await stores.stop();
  }
  print(`${scenarios.length - failures} of ${scenarios.length} scenarios passed`);
  if (failures === 0) await rm(logDir, { recursive: true, force: true });
  else print(`what the runner wrote: ${logFile}`);
  return failures === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
