import { join } from "node:path";
import { type Metadata, parseMetadata, problemText, readMetadataDirectory } from "@control-plane/hasura-engine";
import { offlineEngineEnv } from "@control-plane/local-stack";

const directory = join(import.meta.dirname, "../../../hasura/metadata");

/** hasura/metadata, or what `change` makes of it. */
export async function shippedMetadata(change: (object: unknown) => unknown = (object) => object): Promise<Metadata> {
  const read = await readMetadataDirectory(directory);
  if ("problems" in read) throw new Error(read.problems.map(problemText).join("\n"));
  const parsed = parseMetadata(change(structuredClone(read.raw.object)), offlineEngineEnv("postgres://unused"));
  if ("problems" in parsed) throw new Error(parsed.problems.map(problemText).join("\n"));
  return parsed.metadata;
}
