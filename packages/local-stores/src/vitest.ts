import { startTemporaryStores } from "./temporary.ts";

type TestRun = { config: { testNamePattern?: RegExp | undefined } };

/** Matches no test name, so vitest counts every test as skipped. */
const NO_TEST = /^\b$/;

/**
 * A vitest globalSetup: starts the stores that no variable names, sets the variables for the workers, stops them at the
 * end. A store that this machine cannot offer makes the package's tests count as skipped, with the reason in the output;
 * with REQUIRE_ALL=1 it fails the run.
 */
export async function startStoresForVitest(run?: TestRun): Promise<() => Promise<void>> {
  const stores = await startTemporaryStores((line) => console.log(line));
  Object.assign(process.env, stores.env);
  for (const { message } of stores.missing) console.warn(`tests of this package are skipped: ${message}`);
  if (stores.missing.length > 0 && run !== undefined) run.config.testNamePattern = NO_TEST;
  return () => stores.stop();
}
