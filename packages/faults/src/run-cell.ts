import type { FailpointName } from "@control-plane/service-kit/failpoint";
import { createRandom } from "@control-plane/testkit/random";
import { auditInvariants } from "./audit/audit-invariants.ts";
import type { Finding } from "./audit/finding.ts";
import { readLedger } from "./audit/ledger.ts";
import type { Cell } from "./cell.ts";
import type { FaultStores } from "./fault-stores.ts";
import { createPlay } from "./play.ts";
import { NotReadyError } from "./program.ts";
import { openStage, SHORT, type Workspace } from "./stage.ts";

export type CellResult = {
  readonly id: string;
  readonly title: string;
  readonly seconds: number;
  readonly findings: readonly Finding[];
  readonly problems: readonly string[];
  /** What took longer than it may. */
  readonly late: readonly string[];
  readonly figures: readonly string[];
  /** A service did not start: the cell is red, and says nothing of what it is about. */
  readonly inconclusive: boolean;
  readonly reached: ReadonlySet<FailpointName>;
};

export type CellSettings = {
  stores: FaultStores;
  workspace: Workspace;
  size: number;
  seed: number;
  /** Run in the cell's database before anything starts: how a mutant changes the schema. */
  statements?: readonly string[];
};

/** One fault from an empty database to the audit. The same seed meets the same places. */
export async function runCell(cell: Cell, settings: CellSettings): Promise<CellResult> {
  const { stores, workspace, size, seed } = settings;
  const startedAt = performance.now();
  const mongodb = cell.mongodb ? await stores.mongoUrl() : undefined;
  const stage = await openStage(stores, workspace, {
    name: cell.id,
    mongodb: mongodb === undefined ? undefined : `${mongodb.replace(/\/\?.*$/, "")}/faults?directConnection=true`,
    statements: settings.statements ?? [],
  });
  try {
    const play = createPlay({ stage, stores, random: createRandom(seed), size });
    let inconclusive = false;
    await cell.play(play).catch((error: unknown) => {
      inconclusive = error instanceof NotReadyError;
      play.result.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    });
    const unreached = (cell.failpoints ?? []).filter((name) => !play.result.reached.has(name));
    const findings = await auditInvariants({
      databaseUrl: stage.databaseUrl,
      redisUrl: stores.redisUrl,
      queuePrefix: stage.input.queuePrefix,
      patience: {
        // The cell is over: whoever is not is stuck.
        pendingSeconds: 5,
        queuedSeconds: SHORT.queuedSeconds + 5,
        overdueSeconds: 10,
        cancelGraceSeconds: SHORT.cancelGraceSeconds,
      },
      acknowledged: play.allAcknowledged,
      ledger: readLedger(stage.ledgerFile),
    });
    return {
      id: cell.id,
      title: cell.title,
      seconds: (performance.now() - startedAt) / 1_000,
      findings,
      problems: [...play.result.problems, ...unreached.map((name) => `failpoint ${name} was never reached`)],
      late: play.result.late,
      figures: play.result.figures,
      inconclusive,
      reached: play.result.reached,
    };
  } finally {
    await stage.close();
  }
}

/** Nothing was lost, doubled or wrong, however long it took. */
export function holds({ findings, problems }: CellResult): boolean {
  return findings.length === 0 && problems.length === 0;
}

export function isGreen(result: CellResult): boolean {
  return holds(result) && result.late.length === 0;
}
