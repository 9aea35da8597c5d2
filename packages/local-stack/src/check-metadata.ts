import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readMetadataDirectory } from "@control-plane/hasura-engine";
import { parse } from "yaml";
import { rootDir } from "./clone.ts";
import { checkMetadataRules } from "./metadata-rules/check-metadata-rules.ts";

export const hasuraDir = join(rootDir, "hasura");

/**
 * Reads `hasura/metadata` and holds it against the permissions twin and our own rules. Throws with every finding, so
 * that no engine ever serves metadata that lost a tenant filter.
 */
export async function checkMetadata(): Promise<void> {
  const read = await readMetadataDirectory(join(hasuraDir, "metadata"));
  if ("problems" in read)
    throw new Error(
      `hasura/metadata cannot be read:\n${read.problems.map((problem) => JSON.stringify(problem)).join("\n")}`,
    );
  const twin: unknown = parse(readFileSync(join(hasuraDir, "permissions.yaml"), "utf8"));
  const findings = checkMetadataRules(read.raw.object, twin);
  if (findings.length === 0) return;
  throw new Error(
    `hasura/metadata breaks ${findings.length} rules:\n${findings.map(({ pointer, rule, message }) => `${pointer}: ${rule}: ${message}`).join("\n")}`,
  );
}
