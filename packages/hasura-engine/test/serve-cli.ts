import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { findFreePort } from "@control-plane/local-stores";

const cli = resolve(import.meta.dirname, "../src/cli.ts");

export const ADMIN_SECRET = "an-admin-secret-for-tests";

export type ServedCli = { readonly url: string; stop(): Promise<unknown> };

/** `hasura-engine serve` of a metadata directory, once it answers. `stop` gives its exit code. */
export async function serveCli(options: {
  databaseUrl: string;
  metadataDir: string;
  env?: Readonly<Record<string, string>>;
}): Promise<ServedCli> {
  const port = await findFreePort();
  const child = spawn(process.execPath, ["--conditions=@control-plane/source", cli, "serve"], {
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: "silent",
      PG_DATABASE_URL: options.databaseUrl,
      HASURA_METADATA_DIR: options.metadataDir,
      HASURA_GRAPHQL_ADMIN_SECRET: ADMIN_SECRET,
      HASURA_GRAPHQL_SERVER_PORT: String(port),
      ...options.env,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 20_000;
  while (!(await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`the engine did not answer (exit code ${child.exitCode})`);
    }
  }
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      const [code]: unknown[] = await once(child, "exit");
      return code;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/live`)).ok;
  } catch {
    return false;
  }
}
