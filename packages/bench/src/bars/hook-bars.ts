import { Redis } from "ioredis";
import { isInstalled } from "../child.ts";
import type { HookDatabases } from "../data/hook-databases.ts";
import type { Figures, Generator, Job } from "../generators/job.ts";
import {
  gatewaySide,
  graphileSide,
  type HookSide,
  type HookSideOptions,
  hmacSide,
  insertAddSide,
  pgBossSide,
} from "../hook-sides.ts";
import { type BarResult, runRounds } from "../rounds.ts";
import type { Pace } from "../run-bar.ts";
import { signWebhooks } from "../signed-webhooks.ts";
import type { Window } from "../verdict.ts";

export type HookBarOptions = {
  databases: HookDatabases;
  sides: HookSideOptions;
  generator: Generator;
  rounds: number;
  pace: Pace;
  connections: { readonly most: number; readonly steady: number };
  /** In how many parts memory is looked at. */
  steps: number;
  /** How many requests are signed for each load: more than any side can take in its time. */
  signed: { readonly warmUp: number; readonly measured: number };
  freePort: () => Promise<number>;
  log: (line: string) => void;
};

/** Files of signed requests. */
type SignedFiles = { readonly warmUp: string; readonly measured: string };
type Reference = { side: HookSide; gate: number; gateOfRounds?: number };

export const ANSWER_BEGINS = '{"status":"ACCEPTED"';

/** Against the double write that most would write. */
export function stackBar(options: HookBarOptions): Promise<BarResult> {
  const references = [{ side: insertAddSide(options.sides), gate: 1.4, gateOfRounds: 1 }];
  return runHookBar("P1", "webhook intake against an insert and a BullMQ add", references, [], options);
}

/** Against the verification alone. */
export function verificationBar(options: HookBarOptions): Promise<BarResult> {
  const references = [{ side: hmacSide(options.sides), gate: 0.22 }];
  return runHookBar("P2", "webhook intake against the verification alone", references, [], options);
}

/** Against queues over PostgreSQL. */
export function queuesBar(options: HookBarOptions): Promise<BarResult> {
  const peers = [
    { package: "pg-boss", side: pgBossSide(options.sides), gate: 2 },
    { package: "graphile-worker", side: graphileSide(options.sides), gate: 3 },
  ];
  const references = peers.filter((peer) => isInstalled(peer.package));
  const skipped = peers.filter((peer) => !references.includes(peer)).map((peer) => `${peer.package} is not installed`);
  return runHookBar("P3b", "webhook intake against queues over PostgreSQL", references, skipped, options);
}

async function runHookBar(
  id: string,
  title: string,
  references: readonly Reference[],
  skipped: readonly string[],
  options: HookBarOptions,
): Promise<BarResult> {
  const ours = gatewaySide(options.sides);
  let webhooks: SignedFiles | undefined;
  const measure = async (side: HookSide): Promise<Window> => {
    if (webhooks === undefined) throw new Error("nothing was signed");
    return hookWindow(side, webhooks, options);
  };
  return runRounds(
    {
      id,
      title,
      skipped,
      ours: ours.name,
      references: references.map(({ side, ...gates }) => ({ reference: side.name, ...gates })),
      sides: [ours, ...references.map(({ side }) => side)].map((side) => ({
        name: side.name,
        measure: () => measure(side),
      })),
      before: async () => {
        webhooks = signFiles(options);
        return [];
      },
    },
    options,
  );
}

export function signFiles({ databases: { hook }, signed }: HookBarOptions): SignedFiles {
  return {
    warmUp: signWebhooks(hook, "warm-up", signed.warmUp),
    measured: signWebhooks(hook, "measured", signed.measured),
  };
}

/** A fresh database, an empty Redis, a fresh process; then warm-up, measurement, and a count of the rows. */
async function hookWindow(side: HookSide, webhooks: SignedFiles, options: HookBarOptions): Promise<Window> {
  const { generator, pace } = options;
  return onFreshStores(side, options, async ({ url, countRows }) => {
    const job = { url, connections: options.connections.most, answerBegins: ANSWER_BEGINS };
    const warmUp = await generator.measure({ ...job, seconds: pace.warmUpSeconds, requestsFile: webhooks.warmUp });
    const figures = await generator.measure({ ...job, seconds: pace.measuredSeconds, requestsFile: webhooks.measured });
    return { side: side.name, ...figures, faults: faultsOf([warmUp, figures], job, await countRows()) };
  });
}

export type FreshServer = {
  readonly url: string;
  readonly processId: number;
  /** Ends the server, then counts. */
  countRows(): Promise<number | undefined>;
};

export async function onFreshStores<T>(
  side: HookSide,
  { databases, sides, freePort }: HookBarOptions,
  work: (server: FreshServer) => Promise<T>,
): Promise<T> {
  const redis = new Redis(sides.redisUrl);
  await redis.flushdb().finally(() => redis.disconnect());
  const database = side.database === "none" ? undefined : await databases.create(side.database);
  try {
    const databaseUrl = database?.url ?? "";
    const child = await side.start(await freePort(), databaseUrl);
    try {
      const countRows = async () => {
        await child.stop();
        return side.countRows(databaseUrl);
      };
      return await work({ url: child.url, processId: child.processId, countRows });
    } finally {
      await child.stop();
    }
  } finally {
    await database?.drop();
  }
}

/**
 * What was acknowledged is stored, and nothing else is, but for requests whose answer the end of a load cut off: at most
 * one on each connection.
 */
export function faultsOf(
  loads: readonly Figures[],
  { connections }: Pick<Job, "connections">,
  rows: number | undefined,
): string[] {
  const acknowledged = loads.reduce((sum, { requests }) => sum + requests, 0);
  const cutOffMax = loads.length * connections;
  const turns = loads.some((load) => load.turns > 0);
  const warmUp = loads.slice(0, -1).reduce((sum, load) => sum + load.non2xx + load.socketErrors, 0);
  return [
    ...(turns ? ["more was sent than had been signed"] : []),
    ...(warmUp > 0 ? [`${warmUp} errors while warming up`] : []),
    ...(rows !== undefined && (rows < acknowledged || rows > acknowledged + cutOffMax)
      ? [`${acknowledged} were acknowledged, ${rows} are stored`]
      : []),
  ];
}
