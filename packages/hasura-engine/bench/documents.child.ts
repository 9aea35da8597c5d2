// One engine in this process, asked for documents one after the other as a viewer. Prints what a document costs the first
// and the second time, in µs of processor time of this process, and by how many MB it grew over documents that came once.
import { createEngine, loadMetadata, type RequestContext, settingsFromEnv } from "../src/index.ts";

const { TENANT_ID = "", USER_ID = "", PG_DATABASE_URL: databaseUrl = "" } = process.env;
/** Few at a time, so that each comes again soon. */
const PAIRS = { times: 40, documents: 25 } as const;
const DISTINCT = { warmUp: 20_000, measured: 100_000 } as const;
const AT_A_TIME = 4;

const settings = settingsFromEnv(process.env);
const loaded = await loadMetadata(settings.metadataDir ?? "", settings.env);
if ("problems" in loaded) throw new Error("the metadata is refused");
const engine = await createEngine({ metadata: loaded.metadata, databaseUrl, settings, events: false });
const session: RequestContext["session"] = {
  role: "viewer",
  variables: new Map([
    ["x-hasura-role", "viewer"],
    ["x-hasura-user-id", USER_ID],
    ["x-hasura-tenant-id", TENANT_ID],
  ]),
  backendOnly: false,
  admin: false,
  expiresAt: undefined,
};
let number = 0;

const pages = Array.from({ length: 500 }, () => pageOf(number++));
for (const page of [...pages, ...pages]) await ask(page);
const cost = { first: 0, second: 0 };
for (let time = 0; time < PAIRS.times; time++) {
  const documents = Array.from({ length: PAIRS.documents }, () => pageOf(number++));
  cost.first += await processorTime(documents);
  cost.second += await processorTime(documents);
}
// The heap takes what it needs for any load; what counts is whether it needs more of it the more documents there were.
const growth = -(await mostHeld(DISTINCT.warmUp)) + (await mostHeld(DISTINCT.measured));
const microseconds = (total: number): number => total / (PAIRS.times * PAIRS.documents);
process.stdout.write(
  JSON.stringify({
    firstMicroseconds: microseconds(cost.first),
    secondMicroseconds: microseconds(cost.second),
    growthMegabytes: growth / 1024 ** 2,
    documents: DISTINCT.measured,
  }),
);
await engine.close();

async function ask(query: string): Promise<void> {
  const [request] = engine.parseRequestBody(JSON.stringify({ query })).requests;
  if (request === undefined) throw new Error("no request was read");
  const { dataText } = await engine.execute(request, { session, clientHeaders: new Map(), requestId: "bench" });
  if (!dataText.startsWith('{"workflows":[{')) throw new Error(dataText.slice(0, 200));
}

async function processorTime(documents: readonly string[]): Promise<number> {
  const before = process.cpuUsage();
  for (const document of documents) await ask(document);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Asks for so many documents, each once. Gives the most bytes of memory that were resident meanwhile. */
async function mostHeld(count: number): Promise<number> {
  let left = count;
  let most = 0;
  const client = async (): Promise<void> => {
    for (; left > 0; left--) {
      await ask(listOf(number++));
      if (left % 100 === 0) most = Math.max(most, process.memoryUsage.rss());
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, client));
  return most;
}

/** A value is written into each document, as clients do that know no variables. */
function listOf(number: number): string {
  return `{ workflows(where: {name: {_neq: "no. ${number}"}}, order_by: {name: asc}, limit: 2) { id name description created_at } }`;
}

/** A page of the product: a list, what belongs to each entry, and who made it. */
function pageOf(number: number): string {
  return `query Page {
    workflows(where: {name: {_neq: "no. ${number}"}}, order_by: {name: asc}, limit: 2) {
      id name description created_at updated_at
      created_by_user { id name }
      latest: workflow_versions(where: {is_latest: {_eq: true}}, limit: 1) { id version published_at }
      triggers(order_by: {created_at: asc}) { id type enabled created_at }
      last_runs: workflow_runs(order_by: {created_at: desc}, limit: 3) {
        id status source attempt created_at started_at finished_at
        step_runs(order_by: {position: asc}) { id step_key status started_at finished_at }
      }
    }
  }`;
}
