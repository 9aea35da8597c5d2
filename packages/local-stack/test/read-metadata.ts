import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { problemText, readMetadataDirectory } from "@control-plane/hasura-engine";
import { parse } from "yaml";

export const repository = fileURLToPath(new URL("../../../", import.meta.url));

/** `hasura/metadata` as one object, as it is before environment templates are filled in. */
export async function readShippedMetadata(): Promise<Readonly<Record<string, unknown>>> {
  const read = await readMetadataDirectory(join(repository, "hasura/metadata"));
  if ("problems" in read) throw new Error(read.problems.map(problemText).join("\n"));
  return read.raw.object;
}

export function readShippedTwin(): unknown {
  return parse(readFileSync(join(repository, "hasura/permissions.yaml"), "utf8"));
}
