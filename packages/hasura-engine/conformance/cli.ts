import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startTemporaryStores } from "@control-plane/local-stores";
import { startActionWebhook } from "./action-webhook.ts";
import { readDataSet } from "./data-set.ts";
import { openDatabases } from "./databases.ts";
import { type Harness, type Prepared, prepare, runCase } from "./drive.ts";
import { runDriverChecks } from "./driver-checks.ts";
import { readScenarios, runScenario } from "./event-scenarios.ts";
import { startEventWebhook } from "./event-webhook.ts";
import { deciding, judge, renderTable, renderVerdicts, type StepResult } from "./report.ts";
import { startUpstreams } from "./upstreams.ts";

const USAGE = "usage: npm run conformance [-- DIR] [--folder PREFIX] [--case PATH] [--no-events]";

const rootDir = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const defaultDir = resolve(rootDir, "../shared/hasura-conformance");

/**
 * Drives the data set through the engine as its README says. Exit 1 below a gate. Only a whole run over the default
 * directory writes docs/conformance.md.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      folder: { type: "string" },
      case: { type: "string" },
      "no-events": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const dir = positionals[0] === undefined ? defaultDir : resolve(positionals[0]);
  if (!existsSync(join(dir, "manifest.json"))) {
    console.log(`conformance data not present at ${dir}: nothing to run`);
    return;
  }
  const chosen = (path: string): boolean =>
    (values.case === undefined || path === values.case) &&
    (values.folder === undefined || path.startsWith(values.folder));
  const partial = values.case !== undefined || values.folder !== undefined || values["no-events"];
  const results = await runAll(dir, chosen, !values["no-events"] && values.case === undefined, values.folder);
  report(results, { verbose: values.case !== undefined, writeDocs: !partial && dir === defaultDir });
}

async function runAll(
  dir: string,
  chosen: (path: string) => boolean,
  events: boolean,
  folderPrefix: string | undefined,
): Promise<StepResult[]> {
  const store = await openServer();
  const databases = await openDatabases(store.url);
  let current = "";
  const action = await startActionWebhook({ databaseUrl: () => current });
  const event = await startEventWebhook();
  const upstreams = await startUpstreams({ dir: join(dir, "upstreams") });
  const harness: Harness = {
    dataSet: readDataSet(dir),
    databases,
    env: {
      ACTION_WEBHOOK_HANDLER: action.url,
      EVENT_WEBHOOK_HANDLER: event.url,
      GRAPHQL_SERVICE_1: upstreams.messagesUrl,
      GRAPHQL_SERVICE_HANDLER: upstreams.welcomeUrl,
    },
    onDatabase: (url) => {
      current = url;
    },
  };
  try {
    const results = await runCases(harness, chosen);
    if (events && existsSync(join(dir, "event-scenarios.yaml"))) {
      for (const scenario of readScenarios(dir)) {
        const result = await runScenario(harness, event, scenario);
        if (folderPrefix === undefined || result.folder.startsWith(folderPrefix)) results.push(result);
        console.log(`${result.outcome === "passed" ? "ok  " : "FAIL"} ${result.folder}: ${scenario.name}`);
      }
    }
    return results;
  } finally {
    await Promise.all([action.close(), event.close(), upstreams.close()]);
    await databases.close();
    await store.stop();
  }
}

/** The server of DATABASE_URL, else one of this run's own, so that two runs do not meet. */
async function openServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const stores = await startTemporaryStores((line) => console.log(line), ["postgres"]);
  const url = stores.env["DATABASE_URL"] ?? "";
  return { url, stop: () => stores.stop() };
}

async function runCases(harness: Harness, chosen: (path: string) => boolean): Promise<StepResult[]> {
  const results: StepResult[] = [];
  const prepared = new Map<string, Promise<Prepared>>();
  const prepareOnce = (folder: string): Promise<Prepared> | undefined => {
    const facts = harness.dataSet.folders.get(folder);
    if (facts === undefined || facts.unsupported !== undefined) return undefined;
    const known = prepared.get(folder);
    if (known !== undefined) return known;
    const made = prepare(
      harness,
      folder,
      [facts.setup, facts.values].filter((file) => file !== undefined),
    );
    prepared.set(folder, made);
    return made;
  };
  for (const item of harness.dataSet.cases.filter(({ path }) => chosen(path))) {
    const folder = harness.dataSet.folders.get(item.folder);
    if (folder === undefined) throw new Error(`${item.path}: its folder is not in the manifest`);
    const made = await prepareOnce(item.folder);
    const own = await runCase(
      harness,
      made ?? { template: "", draft: { tables: [], actions: [], customTypes: {}, remoteSchemas: [] } },
      item,
      folder,
    );
    results.push(...own);
    const failed = deciding(own).filter((result) => result.outcome === "failed");
    console.log(`${failed.length === 0 ? "ok  " : "FAIL"} ${item.path}`);
  }
  results.push(
    ...(await runDriverChecks(harness, async (folder) => (chosen(`${folder}/`) ? prepareOnce(folder) : undefined))),
  );
  return results;
}

function report(results: readonly StepResult[], options: { verbose: boolean; writeDocs: boolean }): void {
  const failures = results.flatMap((result) => (result.outcome === "failed" ? [result] : []));
  const decisive = new Set(deciding(results));
  const outDir = join(rootDir, ".local/conformance");
  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  for (const [index, item] of failures.entries()) {
    const name = `${item.transport}-${item.path.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 120)}-${item.step}-${index}.json`;
    writeFileSync(join(outDir, name), `${JSON.stringify(item, undefined, 2)}\n`);
    if (options.verbose) console.log(JSON.stringify(item, undefined, 2));
    else if (decisive.has(item)) console.log(`  ${item.path} [${item.step}]: ${item.difference.slice(0, 300)}`);
  }
  const verdicts = judge(results);
  const page = `${renderTable(results)}\n\n${renderVerdicts(verdicts)}\n`;
  console.log(`\n${page}`);
  if (failures.length > 0) console.log("every failure with request, expected and got: .local/conformance/");
  if (options.writeDocs) {
    writeFileSync(join(rootDir, "docs/conformance.md"), `${HEADER}\n${page}`);
    console.log("written: docs/conformance.md");
  }
  if (verdicts.some((verdict) => !verdict.holds)) process.exitCode = 1;
}

const HEADER = `# Conformance of the embedded Hasura engine

Hasura's own test cases (visible half), driven by \`npm run conformance\`, which writes this page. HTTP decides the gates
(WebSocket, where a case is for that alone); WebSocket and subscription runs of the same cases are shown beside it. "Messages equal" counts passed steps whose error
texts are equal too. Unsupported are only features that are
[refused when metadata loads](reference/hasura-semantics.md#what-is-refused-when-metadata-loads).
`;

await main();
