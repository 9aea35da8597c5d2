import { startTemporaryStores } from "@control-plane/local-stores";
import { openStage } from "../test/tenancy/stage.ts";
import { readTracked } from "../test/tenancy/tracked-tables.ts";
import { ArgumentError, type FuzzArguments, readArguments } from "./arguments.ts";
import { type Codes, type Finding, fuzz } from "./fuzz.ts";
import { fuzzServices } from "./fuzz-services.ts";
import { shippedMetadata } from "./shipped-metadata.ts";
import { openWorlds } from "./worlds.ts";

const PROGRESS_EACH = 5_000;
const SHRINK_TRIES = 60;
/** A call of a service takes longer than a query, and there is less to draw from. */
const SERVICE_SHARE = 0.1;
/** Each of many members signs in. */
const SERVICE_SETTINGS = { "auth-actions": { AUTH_LIMIT_FACTOR: "1000000" } };
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(args: FuzzArguments): Promise<number> {
  print(`fuzz:isolation: seed ${args.seed}, ${args.operations} operations of each role`);
  const tables = args.parts.includes("tables") ? await fuzzEngines(args) : undefined;
  const found = tables ?? (args.parts.includes("services") ? await fuzzRunning(args) : undefined);
  for (const line of found === undefined ? ["0 findings"] : findingLines(found, args.seed)) print(line);
  return found === undefined ? 0 : 1;
}

/** Tables, by engines over three databases. */
async function fuzzEngines(args: FuzzArguments): Promise<Finding | undefined> {
  const stores = await startTemporaryStores((line) => print(`  · ${line}`), ["postgres"]);
  try {
    const { tables, actions } = await readTracked();
    const worlds = await openWorlds(stores.env.DATABASE_URL ?? "", await shippedMetadata());
    try {
      for (const role of args.roles) {
        const done = reporter(role, args.operations);
        const found = await fuzz({
          worlds,
          tables,
          actions: actions.map(({ name }) => name),
          role,
          seed: args.seed,
          operations: args.operations,
          shrinkTries: SHRINK_TRIES,
          onProgress(operation, codes) {
            if (operation === args.operations) done(codes);
            else if (operation % PROGRESS_EACH === 0) print(`  · ${role}: ${operation} operations, 0 findings`);
          },
        });
        if (found !== undefined) return found;
      }
      return undefined;
    } finally {
      await worlds.close();
    }
  } finally {
    await stores.stop();
  }
}

/** Hasura actions, log lines and streams, by a control plane that runs. */
async function fuzzRunning(args: FuzzArguments): Promise<Finding | undefined> {
  const operations = Math.ceil(args.operations * SERVICE_SHARE);
  const tracked = await readTracked();
  print("  · starting a control plane for actions, log lines and streams");
  const stage = await openStage(tracked.tables, SERVICE_SETTINGS);
  try {
    for (const role of args.roles) {
      const done = reporter(`${role} of the services`, operations);
      const found = await fuzzServices({ stage, ...tracked, role, seed: args.seed, operations }, done);
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    await stage.close();
  }
}

function reporter(who: string, operations: number): (codes: Codes) => void {
  const startedAt = Date.now();
  return (codes) => {
    const seconds = Math.round((Date.now() - startedAt) / 1_000);
    print(`${who}: ${operations} operations, 0 findings in ${seconds} s (${answers(codes)})`);
  };
}

function answers(codes: Codes): string {
  return [...codes].map(([code, count]) => `${count} ${code === "" ? "data" : code}`).join(", ");
}

function findingLines({ role, operation, who, what, document }: Finding, seed: number): string[] {
  return [
    `FOUND as ${who} of role ${role}, operation ${operation} of seed ${seed}: ${what}`,
    document.text,
    `variables: ${JSON.stringify(document.variables)}`,
  ];
}

process.exitCode = await Promise.resolve()
  .then(() => main(readArguments(process.argv.slice(2))))
  .catch((error: unknown) => {
    if (!(error instanceof ArgumentError)) throw error;
    print(
      `${error.message}\nusage: npm run fuzz:isolation [-- --operations 2000] [--seed N] [--role viewer] [--part services]`,
    );
    return 1;
  });
