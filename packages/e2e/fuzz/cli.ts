import { startTemporaryStores } from "@control-plane/local-stores";
import { readTracked } from "../test/tenancy/tracked-tables.ts";
import { ArgumentError, type FuzzArguments, readArguments } from "./arguments.ts";
import { type Codes, type Finding, fuzz } from "./fuzz.ts";
import { shippedMetadata } from "./shipped-metadata.ts";
import { openWorlds } from "./worlds.ts";

const PROGRESS_EACH = 5_000;
const SHRINK_TRIES = 60;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(args: FuzzArguments): Promise<number> {
  print(`fuzz:isolation: seed ${args.seed}, ${args.operations} operations of each role`);
  const stores = await startTemporaryStores((line) => print(`  · ${line}`), ["postgres"]);
  try {
    const { tables, actions } = await readTracked();
    const worlds = await openWorlds(stores.env.DATABASE_URL ?? "", await shippedMetadata());
    try {
      for (const role of args.roles) {
        const startedAt = Date.now();
        let last: Codes = new Map();
        const found = await fuzz({
          worlds,
          tables,
          actions: actions.map(({ name }) => name),
          role,
          seed: args.seed,
          operations: args.operations,
          shrinkTries: SHRINK_TRIES,
          onProgress(done, codes) {
            last = codes;
            if (done % PROGRESS_EACH === 0) print(`  · ${role}: ${done} operations, 0 findings`);
          },
        });
        if (found !== undefined) {
          for (const line of findingLines(found, args.seed)) print(line);
          return 1;
        }
        const seconds = Math.round((Date.now() - startedAt) / 1_000);
        print(`${role}: ${args.operations} operations, 0 findings in ${seconds} s (${answers(last)})`);
      }
    } finally {
      await worlds.close();
    }
  } finally {
    await stores.stop();
  }
  print("0 findings");
  return 0;
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
    print(`${error.message}\nusage: npm run fuzz:isolation [-- --operations 2000] [--seed N] [--role viewer]`);
    return 1;
  });
