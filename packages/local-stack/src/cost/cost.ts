import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { rootDir } from "../clone.ts";
import { signedWebhook } from "../demo/webhook-sender.ts";
import { startProxy } from "../proxy.ts";
import { graphql, openClient, prepareScene } from "../rolling/load.ts";
import { resetStack, type Stack, startStack } from "../stack.ts";
import { PARTS, type PartSeconds, partSeconds } from "./parts.ts";

const stateDir = join(rootDir, ".local/cost");
const PIECES = 1_000;
const CLIENTS = 16;
const IDLE_MS = 10_000;
const END_WITHIN_MS = 300_000;

type Work = { what: string; piece: () => Promise<void>; after?: () => Promise<void> };
type Cost = { what: string; milliseconds: readonly number[] };

/** What a thousand of each kind of work cost, in processor time of each part, as lines of a Markdown table. */
export async function measureCost(log: (line: string) => void): Promise<number> {
  await resetStack(stateDir, join(stateDir, "mail"));
  const unlimited = { HOOK_RATE_PER_PATH: "0", HOOK_RATE_PER_ADDRESS: "0" };
  const stack = await startStack({ stateDir, anyPort: true, overrides: { "webhook-gateway": unlimited }, log });
  try {
    const proxy = await startProxy({ stateDir: join(stateDir, "proxy"), upstreams: upstreamsOf(stack), log });
    try {
      for (const line of await measure(stack, proxy, log)) log(line);
      return 0;
    } finally {
      await proxy.stop();
    }
  } finally {
    await stack.stop();
  }
}

const upstreamsOf = ({ urls }: Stack) => ({
  webhookGateway: [new URL(urls.webhookGateway).host],
  authActions: [new URL(urls.authActions).host],
  hasura: [new URL(urls.hasura).host],
});

async function measure(
  stack: Stack,
  proxy: Parameters<typeof openClient>[0],
  log: (line: string) => void,
): Promise<string[]> {
  const client = openClient(proxy);
  try {
    const { token, webhookPath, secret } = await prepareScene(client.ask);
    const ask = async (query: string): Promise<void> => void (await graphql(client.ask, query, {}, token));
    let sent = 0;
    const webhook = async (): Promise<void> => {
      const body = JSON.stringify({ id: randomUUID(), text: "x".repeat(950) });
      const { status, text } = await client.ask(webhookPath, body, signedWebhook(secret, body));
      if (status !== 202) throw new Error(`${status} ${text.slice(0, 300)}`);
      sent += 1;
    };
    const runsEnd = () => untilRunsEnded(stack, () => sent);
    const works: readonly Work[] = [
      { what: "a webhook of 1 KB and its run of one step", piece: webhook, after: runsEnd },
      { what: "a query: 20 runs and their steps", piece: () => ask(RUNS) },
      { what: "a page of a run's log lines", piece: () => ask(LOGS) },
      { what: "an action (`mySessions`)", piece: () => ask("{ mySessions { sessionId } }") },
    ];
    // Once for nothing, so that code is compiled and connections are open.
    for (const work of works) await play(work);
    const idle = await used(stack, () => pause(IDLE_MS));
    const costs: Cost[] = [];
    for (const work of works) {
      log(`${PIECES} times ${work.what} …`);
      const spent = await used(stack, () => play(work));
      const idleShare = spent.milliseconds / idle.milliseconds;
      const own = PARTS.map((part) => of(spent.seconds, part) - of(idle.seconds, part) * idleShare);
      costs.push({ what: work.what, milliseconds: own.map((seconds) => Math.max(0, seconds * 1_000) / PIECES) });
    }
    return tableOf(costs);
  } finally {
    client.close();
  }
}

const RUNS = `{ workflow_runs(order_by: {created_at: desc}, limit: 20) {
  id status source created_at started_at finished_at step_runs { id step_key status } } }`;
const LOGS =
  "{ workflow_runs(order_by: {created_at: desc}, limit: 1) { id logs(first: 100) { lines { message } error } } }";

async function play({ piece, after }: Work): Promise<void> {
  let left = PIECES;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await piece();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await after?.();
}

async function used(stack: Stack, work: () => Promise<void>): Promise<{ seconds: PartSeconds; milliseconds: number }> {
  const before = await partSeconds(stack, stateDir);
  const startedAt = performance.now();
  await work();
  const milliseconds = performance.now() - startedAt;
  const after = await partSeconds(stack, stateDir);
  return { seconds: new Map(PARTS.map((part) => [part, of(after, part) - of(before, part)])), milliseconds };
}

const of = (seconds: PartSeconds, part: (typeof PARTS)[number]): number => seconds.get(part) ?? 0;

async function untilRunsEnded({ databaseUrl }: Stack, sent: () => number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const until = Date.now() + END_WITHIN_MS; ; await pause(500)) {
      const { rows } = await client.query<{ ended: number }>(
        "select count(*)::int as ended from workflow_runs where status = 'SUCCEEDED'",
      );
      if (rows[0]?.ended === sent()) return;
      if (Date.now() > until) throw new Error(`${rows[0]?.ended} of ${sent()} runs succeeded`);
    }
  } finally {
    await client.end();
  }
}

function tableOf(costs: readonly Cost[]): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    row(["ms of processor for", ...PARTS]),
    row(["---", ...PARTS.map(() => "---:")]),
    ...costs.map(({ what, milliseconds }) =>
      row([what, ...milliseconds.map((ms) => (ms < 0.05 ? "–" : ms.toFixed(1)))]),
    ),
  ];
}
