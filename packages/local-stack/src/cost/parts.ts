import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { processorSeconds, storeFolders } from "@control-plane/local-stores";
import type { ServiceName, Stack } from "../stack.ts";

const SERVICES = ["webhook-gateway", "orchestrator", "runner", "auth-actions", "logs-schema", "hasura"] as const;
const STORES = { postgres: "PostgreSQL", redis: "Redis", mongo: "MongoDB" } as const;

export const PARTS = [...SERVICES, ...Object.values(STORES)] as const;
/** Seconds of processor by part. */
export type PartSeconds = ReadonlyMap<(typeof PARTS)[number], number>;

/** What each part of the stack has used so far, its child processes included. */
export async function partSeconds(stack: Stack, stateDir: string): Promise<PartSeconds> {
  const parents = await parentProcesses();
  const seconds = new Map<(typeof PARTS)[number], number>();
  for (const name of SERVICES) seconds.set(name, await familySeconds(serviceProcess(stack, name), parents));
  for (const { name, folder } of await storeFolders(join(stateDir, "stores"))) {
    const processId = Number.parseInt(await readFile(join(folder, "server.pid"), "utf8"), 10);
    seconds.set(STORES[name], await familySeconds(processId, parents));
  }
  return seconds;
}

function serviceProcess(stack: Stack, name: ServiceName): number {
  const processId = stack.service(name)?.processId();
  if (processId === undefined) throw new Error(`${name} does not run`);
  return processId;
}

type Parents = ReadonlyMap<number, number>;

async function parentProcesses(): Promise<Parents> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    const parent = /\) \S (\d+) /.exec(stat)?.[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  return parents;
}

async function familySeconds(processId: number, parents: Parents): Promise<number> {
  let total = await processorSeconds(processId);
  for (const [child, parent] of parents)
    if (parent === processId) total += await familySeconds(child, parents).catch(() => 0);
  return total;
}
