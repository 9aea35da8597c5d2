import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { rootDir } from "./clone.ts";

const READY_WITHIN_MS = 120_000;
const IMAGE = "hasura/graphql-engine:v2.48.10.cli-migrations-v3";

/** Names that say how our engine runs on this machine; another Hasura has its own. */
const OURS =
  /^(PATH|HOME|LANG|TMPDIR|NODE_.*|FAILPOINTS|HOST|PORT|LOG_LEVEL|HASURA_METADATA_DIR|HASURA_GRAPHQL_SERVER_.*|HASURA_ENGINE_.*)$/;

/**
 * Writes the environment that a Hasura of the user's needs to serve this stack, and waits until it does. The file holds
 * secrets and is readable by its owner alone. Throws with the command to start one when none answers in time.
 */
export async function awaitOwnHasura(options: {
  url: string;
  engineEnv: Readonly<Record<string, string>>;
  stateDir: string;
  signal: AbortSignal | undefined;
  log: (line: string) => void;
}): Promise<void> {
  const file = join(options.stateDir, "hasura.env");
  const port = new URL(options.url).port || "80";
  const settings = Object.entries(options.engineEnv).filter(([name]) => !OURS.test(name));
  const lines = [
    ...settings,
    ["HASURA_GRAPHQL_METADATA_DATABASE_URL", options.engineEnv.PG_DATABASE_URL ?? ""],
    ["HASURA_GRAPHQL_SERVER_PORT", port],
  ];
  writeFileSync(file, `${lines.map(([name, value]) => `${name}=${value}`).join("\n")}\n`, { mode: 0o600 });
  const hint = `docker run --rm --network host --env-file ${file} -v ${join(rootDir, "hasura/metadata")}:/hasura-metadata:ro ${IMAGE}`;
  options.log(`HASURA_URL: waiting for a Hasura with the settings of ${file}, for example:\n      ${hint}`);
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await isConsistent(options.url))) {
    options.signal?.throwIfAborted();
    if (Date.now() > deadline)
      throw new Error(
        `HASURA_URL: ${options.url}/healthz?strict=true did not answer 200 within ${READY_WITHIN_MS / 1000} s; start it with\n      ${hint}\n  or unset HASURA_URL to have the embedded engine`,
      );
    await delay(500);
  }
}

async function isConsistent(url: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/healthz?strict=true`, { signal: AbortSignal.timeout(2_000) });
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}

/** Undefined: the embedded engine is wanted. */
export function readHasuraUrl(): string | undefined {
  const text = process.env.HASURA_URL ?? "";
  if (text === "") return undefined;
  if (/^https?:/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, "");
  throw new Error("HASURA_URL is not an http or https URL; mend it, or unset it to have the embedded engine");
}
