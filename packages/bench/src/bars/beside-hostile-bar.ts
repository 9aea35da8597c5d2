import { join } from "node:path";
import { workDir } from "../child.ts";
import type { SampleTenant } from "../data/load-runs.ts";
import { query } from "../data/server.ts";
import type { Figures } from "../generators/job.ts";
import { steady } from "../generators/steady.ts";
import { HOSTILE_DESCRIPTION_LENGTH, HOSTILE_DOCUMENTS } from "../hostile-documents.ts";
import { writeRequests } from "../requests-file.ts";
import { sampled } from "../resident-memory.ts";
import type { BarResult } from "../rounds.ts";
import type { RunOptions } from "../run-bar.ts";
import { documentRequest, type SideOptions, startEngine } from "../sides.ts";
import { judgeLimit, medianOf } from "../verdict.ts";

const HOSTILE_CONNECTIONS = 24;
const SECONDS = { quiet: 20, beside: 60 } as const;
/** Of the other tenant, on 4 connections: enough for a 99th percentile, and far from what the engine can. */
const REQUESTS_PER_SECOND = 25;
const RATIO_MAX = 3;
const RESIDENT_MEGABYTES_MAX = 600;

/** A tenant's simple query beside one that sends the worst documents without pause, against the same query alone. */
export async function besideHostileBar(
  [hostile, other]: readonly SampleTenant[],
  sides: SideOptions,
  { rounds, generator, freePort, log }: Pick<RunOptions, "rounds" | "generator" | "freePort" | "log">,
): Promise<BarResult> {
  if (hostile === undefined || other === undefined) throw new Error("two tenants are needed");
  await query(sides.data.url, "update workflows set description = repeat('a', $2) where tenant_id = $1", [
    hostile.tenantId,
    HOSTILE_DESCRIPTION_LENGTH,
  ]);
  const files = { simple: join(workDir, "FAIR-simple.requests"), hostile: join(workDir, "FAIR-hostile.requests") };
  const simple = documentRequest("{ tenants { id } }", other, sides);
  writeRequests(
    files.simple,
    Array.from({ length: REQUESTS_PER_SECOND * SECONDS.beside }, () => simple),
  );
  writeRequests(
    files.hostile,
    Object.values(HOSTILE_DOCUMENTS).map((document) => documentRequest(document, hostile, sides)),
  );
  const measured: { quiet: Figures; beside: Figures; megabytes: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const engine = await startEngine(await freePort(), sides);
    try {
      const ask = (seconds: number): Promise<Figures> =>
        steady.measure({
          url: engine.url,
          connections: 4,
          seconds,
          requestsPerSecond: REQUESTS_PER_SECOND,
          requestsFile: files.simple,
          answerBegins: `{"data":{"tenants":[{"id" : "${other.tenantId}"`,
        });
      await ask(2);
      const quiet = await ask(SECONDS.quiet);
      const attack = { connections: HOSTILE_CONNECTIONS, seconds: SECONDS.beside, requestsFile: files.hostile };
      const work = Promise.all([
        ask(SECONDS.beside),
        generator.measure({ ...attack, url: engine.url, answerBegins: "{" }),
      ]);
      const { result, megabytes } = await sampled(engine.processId, work);
      const [beside, attacked] = result;
      measured.push({ quiet, beside, megabytes: Math.max(...megabytes) });
      log(
        `FAIR round ${round + 1}/${rounds}: p99 quiet ${quiet.p99.toFixed(1)} ms, beside ${beside.p99.toFixed(1)} ms ` +
          `(p50 ${quiet.p50.toFixed(1)}, ${beside.p50.toFixed(1)}); ${attacked.requestsPerSecond.toFixed(0)} hostile ` +
          `documents/s; ${Math.max(...megabytes).toFixed(0)} MB`,
      );
    } finally {
      await engine.stop();
    }
  }
  return {
    id: "FAIR",
    title: "a tenant's simple query beside another's worst documents",
    ours: "engine",
    rounds: measured.map(({ beside }) => [{ side: "engine", ...beside, faults: [] }]),
    ratios: [],
    limits: [
      judgeLimit({
        name: "p99",
        value: medianOf(measured.map(({ quiet, beside }) => beside.p99 / quiet.p99)),
        max: RATIO_MAX,
        unit: "× its quiet p99",
      }),
      judgeLimit({
        name: "resident memory",
        value: Math.max(...measured.map(({ megabytes }) => megabytes)),
        max: RESIDENT_MEGABYTES_MAX,
        unit: "MB",
      }),
    ],
    voided: measured.flatMap(({ quiet, beside }) => [...faultsOf("quiet", quiet), ...faultsOf("beside", beside)]),
    skipped: [],
  };
}

function faultsOf(when: string, { requests, non2xx, socketErrors, wrongAnswers }: Figures): string[] {
  const failed = non2xx + socketErrors + wrongAnswers;
  return [
    ...(requests === 0 ? [`${when}: nothing was answered`] : []),
    ...(failed > 0 ? [`${when}: ${failed} of the other tenant's requests failed`] : []),
  ];
}
