import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive, isPortTaken, storeFolders } from "@control-plane/local-stores";
import { z } from "zod";
import { defaultStateDir } from "../clone.ts";
import { readPorts, USUAL_PORTS } from "../ports.ts";
import { findLockOwner } from "../stack-lock.ts";
import type { Check } from "./check.ts";

const SERVICES = [
  { name: "auth-actions", port: "authActions", readyPath: "/ready" },
  { name: "webhook-gateway", port: "webhookGateway", readyPath: "/ready" },
  { name: "orchestrator", port: "orchestrator", readyPath: "/ready" },
  { name: "logs-schema", port: "logsSchema", readyPath: "/ready" },
  { name: "hasura", port: "hasura", readyPath: "/ready" },
  { name: "runner", port: undefined, readyPath: undefined },
] as const;

/** The stack of this clone, if one runs, and all that belongs to it; else whether the usual ports are free. */
export async function processes(): Promise<readonly Check[]> {
  const owner = findLockOwner(defaultStateDir);
  if (owner === undefined)
    return [{ area: "stack", name: "this clone", found: "no stack runs" }, ...(await usualPorts())];
  const who =
    owner === "somebody" ? "a command is at work" : `process ${owner.processId} in ${owner.clone} since ${owner.since}`;
  return [{ area: "stack", name: "this clone", found: who }, ...(await services()), ...(await stores())];
}

/** A port in use is nothing wrong: a start takes another one. */
async function usualPorts(): Promise<Check[]> {
  const ports = Object.entries(USUAL_PORTS);
  return Promise.all(
    ports.map(async ([name, port]) => ({
      area: "ports",
      name: String(port),
      found: (await isPortTaken(port))
        ? `in use by another program; ${name} will get another one`
        : `free, for ${name}`,
    })),
  );
}

async function services(): Promise<Check[]> {
  const ports = readPorts(defaultStateDir);
  return Promise.all(
    SERVICES.map(async ({ name, port: key, readyPath }): Promise<Check> => {
      const area = "processes";
      const logFile = join(".local/stack/logs", `${name}.log`);
      const processId = await readProcessId(join(defaultStateDir, "logs", `${name}.pid`));
      if (processId === undefined || !isAlive(processId)) {
        if (name === "hasura" && (process.env.HASURA_URL ?? "") !== "") return { area, name, found: "HASURA_URL" };
        return { area, name, found: "does not run", remedy: `read ${logFile}; a stack that starts is not ready yet` };
      }
      const port = key === undefined ? undefined : ports?.[key];
      const place = `process ${processId}${port === undefined ? "" : `, port ${port}`}`;
      if (port === undefined || readyPath === undefined) return { area, name, found: place };
      const failed = await whyNotReady(`http://127.0.0.1:${port}${readyPath}`);
      if (failed === undefined) return { area, name, found: `${place}, ready` };
      return { area, name, found: `${place}, not ready (${failed})`, remedy: `read ${logFile}` };
    }),
  );
}

async function stores(): Promise<Check[]> {
  const folders = await storeFolders(join(defaultStateDir, "stores"));
  const found = await Promise.all(
    folders.map(async ({ name, folder }): Promise<Check[]> => {
      const processId = await readProcessId(join(folder, "server.pid"));
      if (processId === undefined) return [];
      const log = join(folder, "server.log");
      return isAlive(processId)
        ? [{ area: "stores", name, found: `process ${processId}, log ${log}` }]
        : [{ area: "stores", name, found: "does not run", remedy: `read ${log}; start the stack anew` }];
    }),
  );
  return found.flat();
}

async function readProcessId(file: string): Promise<number | undefined> {
  const processId = Number.parseInt(await readFile(file, "utf8").catch(() => ""), 10);
  return Number.isNaN(processId) ? undefined : processId;
}

const notReadySchema = z.object({ failed: z.array(z.string()) });

async function whyNotReady(url: string): Promise<string | undefined> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    const answer: unknown = await reply.json().catch(() => undefined);
    if (reply.ok) return undefined;
    return notReadySchema.safeParse(answer).data?.failed.join(", ") ?? `status ${reply.status}`;
  } catch {
    return "no answer within 3 s";
  }
}
