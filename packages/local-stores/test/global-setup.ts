import { startStoresForVitest } from "../src/index.ts";

const VARIABLES = ["DATABASE_URL", "REDIS_URL", "MONGODB_URL"];

/** The tests start stores of their own; here it only turns out whether this machine can, else they count as skipped. */
export async function setup(run: Parameters<typeof startStoresForVitest>[0]): Promise<void> {
  for (const name of VARIABLES) delete process.env[name];
  const stop = await startStoresForVitest(run);
  await stop();
  for (const name of VARIABLES) delete process.env[name];
}
