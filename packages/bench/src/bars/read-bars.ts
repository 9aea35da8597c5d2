import pg from "pg";
import type { LoadedRuns, SampleTenant } from "../data/load-runs.ts";
import { ask, type Bar } from "../run-bar.ts";
import type { Question, Side } from "../side.ts";
import { engineSide, jsonAggSide, postgraphileSide, type SideOptions } from "../sides.ts";

/** Half of the tenants warm up, the other half is measured. */
function split(tenants: readonly SampleTenant[]): Pick<Bar, "warmUp" | "measured"> {
  const middle = Math.ceil(tenants.length / 2);
  return { warmUp: questionsOf(tenants.slice(0, middle)), measured: questionsOf(tenants.slice(middle)) };
}

/** One run of each tenant in turn, so that neighbours in the list are of different tenants. */
function questionsOf(tenants: readonly SampleTenant[]): Question[] {
  const longest = Math.max(...tenants.map(({ runIds }) => runIds.length));
  return Array.from({ length: longest }, (_, index) => index).flatMap((index) =>
    tenants.flatMap((tenant) => {
      const runId = tenant.runIds[index];
      return runId === undefined ? [] : [{ tenant, runId }];
    }),
  );
}

export function listBar(tenants: readonly SampleTenant[], options: SideOptions): Bar {
  const peer = postgraphileSide(options);
  return {
    id: "P8",
    title: "20 workflows with their 5 newest runs, permissions on",
    connections: 16,
    ours: engineSide("list", options),
    references: [
      { side: jsonAggSide("list", options), gate: 0.5 },
      ...(peer === undefined ? [] : [{ side: peer, gate: 1.3 }]),
    ],
    skipped: peer === undefined ? ["postgraphile is not installed"] : [],
    ...split(tenants),
    inspect: (freePort) => inspectStatements(engineSide("list", options), options.data, tenants, freePort),
  };
}

export function oneRowBar(tenants: readonly SampleTenant[], options: SideOptions): Bar {
  return {
    id: "P9",
    title: "one run by its primary key, permissions on",
    connections: 16,
    ours: engineSide("one", options),
    references: [{ side: jsonAggSide("one", options), gate: 0.5 }],
    skipped: [],
    ...split(tenants),
  };
}

const INSPECTED = 500;

/**
 * One statement per request: outside a transaction each is a commit of its own, which the server counts. A backend
 * reports what it has done when it ends, at the latest, so the engine is stopped before the second look.
 */
async function inspectStatements(
  side: Side,
  data: LoadedRuns,
  tenants: readonly SampleTenant[],
  freePort: () => Promise<number>,
): Promise<string | undefined> {
  const questions = questionsOf(tenants);
  const child = await side.start(await freePort());
  const idle = await countCommits(data.url);
  for (let asked = 0; asked < INSPECTED; asked++) {
    const question = questions[asked % questions.length];
    if (question !== undefined) await ask(child.url, side, question);
  }
  await child.stop();
  const statements = ((await countCommits(data.url)) - idle) / INSPECTED;
  // What the engine asks at its start and polls for is a few statements more.
  if (statements > 0.99 && statements < 1.3) return undefined;
  return `the engine ran ${statements.toFixed(2)} statements a request, wanted 1`;
}

async function countCommits(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ commits: number }>(
      "select xact_commit::int as commits from pg_stat_database where datname = current_database()",
    );
    return rows[0]?.commits ?? 0;
  } finally {
    await client.end();
  }
}
