import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { rootDir } from "./clone.ts";

/** Runs `logs:setup` of logs-schema, as an operator would before the first deploy. */
export async function setupLogs(mongodbUrl: string): Promise<void> {
  const script = join(rootDir, "apps/logs-schema/src/cli/setup.ts");
  await promisify(execFile)(process.execPath, ["--conditions=@control-plane/source", script], {
    env: { ...process.env, MONGODB_URL: mongodbUrl },
    timeout: 30_000,
  });
}
