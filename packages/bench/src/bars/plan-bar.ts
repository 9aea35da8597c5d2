import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Child, workDir } from "../child.ts";
import type { SampleTenant } from "../data/load-runs.ts";
import type { Figures } from "../generators/job.ts";
import { steady } from "../generators/steady.ts";
import { processorSeconds } from "../processor-time.ts";
import { writeRequests } from "../requests-file.ts";
import { sampled } from "../resident-memory.ts";
import type { BarResult } from "../rounds.ts";
import type { RunOptions } from "../run-bar.ts";
import { documentRequest, type SideOptions, startEngine } from "../sides.ts";
import { judgeLimit, medianOf } from "../verdict.ts";

/** Documents that are new, then the same again: few enough at a time that each comes again soon. */
const PAIRS = { times: 40, documents: 25 } as const;
const DISTINCT = { warmUp: 10_000, measured: 100_000 } as const;
const CONNECTIONS = 4;
const RATIO_MAX = 0.3;
const GROWTH_MEGABYTES_MAX = 64;
const AFTER_MS = 2_000;

/** What a document costs the second time, and what is left in memory of documents that never come again. */
export async function planBar(
  [tenant]: readonly SampleTenant[],
  sides: SideOptions,
  { rounds, freePort, log }: Pick<RunOptions, "rounds" | "freePort" | "log">,
): Promise<BarResult> {
  if (tenant === undefined) throw new Error("a tenant is needed");
  let number = 0;
  const writeDistinct = (name: string, count: number): string => {
    const file = join(workDir, `P11-${name}.requests`);
    // As clients do that write values into their documents.
    const documents = Array.from({ length: count }, () => documentOf(number++));
    writeRequests(
      file,
      documents.map((document) => documentRequest(document, tenant, sides)),
    );
    return file;
  };
  const windows: Figures[] = [];
  const send = async (engine: Child, requestsFile: string): Promise<Figures> => {
    const job = { url: engine.url, connections: CONNECTIONS, seconds: 600, requestsFile, answerBegins: ANSWER_BEGINS };
    const figures = await steady.measure(job);
    windows.push(figures);
    return figures;
  };
  const measured: { ratio: number; growth: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const engine = await startEngine(await freePort(), sides);
    try {
      await send(engine, writeDistinct("warm-up", DISTINCT.warmUp));
      const held = async () => medianOf((await sampled(engine.processId, delay(AFTER_MS))).megabytes);
      const before = await held();
      const cost = { first: 0, second: 0 };
      for (let time = 0; time < PAIRS.times; time++) {
        const file = writeDistinct("pair", PAIRS.documents);
        cost.first += await processorOf(engine, () => send(engine, file));
        cost.second += await processorOf(engine, () => send(engine, file));
      }
      const all = writeDistinct("distinct", DISTINCT.measured);
      const { requestsPerSecond } = await send(engine, all);
      const [ratio, growth] = [cost.second / cost.first, (await held()) - before];
      measured.push({ ratio, growth });
      const perDocument = (seconds: number) => ((seconds * 1e6) / (PAIRS.times * PAIRS.documents)).toFixed(0);
      log(
        `P11 round ${round + 1}/${rounds}: ${perDocument(cost.first)} µs the first time, ${perDocument(cost.second)} µs ` +
          `the second; ${growth.toFixed(0)} MB after ${DISTINCT.measured} documents at ${requestsPerSecond.toFixed(0)}/s`,
      );
    } finally {
      await engine.stop();
    }
  }
  const failed = windows.reduce(
    (sum, { non2xx, socketErrors, wrongAnswers }) => sum + non2xx + socketErrors + wrongAnswers,
    0,
  );
  const [ratios, growths] = [measured.map(({ ratio }) => ratio), measured.map(({ growth }) => growth)];
  return {
    id: "P11",
    title: "a document the second time, and 100,000 that never come again",
    ours: "engine",
    rounds: windows.map((figures) => [{ side: "engine", ...figures, faults: [] }]),
    ratios: [],
    limits: [
      judgeLimit({ name: "processor time", value: medianOf(ratios), max: RATIO_MAX, unit: "× the first time" }),
      judgeLimit({
        name: "growth in 100,000 documents",
        value: medianOf(growths),
        max: GROWTH_MEGABYTES_MAX,
        unit: "MB",
      }),
    ],
    voided: failed > 0 ? [`${failed} documents were not answered as they should be`] : [],
    skipped: [],
  };
}

async function processorOf(engine: Child, work: () => Promise<unknown>): Promise<number> {
  const before = await processorSeconds(engine.processId);
  await work();
  return (await processorSeconds(engine.processId)) - before;
}

const ANSWER_BEGINS = '{"data":{"workflows":[';

/** A page of the product: a list, what belongs to each entry, and who made it. */
function documentOf(number: number): string {
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
