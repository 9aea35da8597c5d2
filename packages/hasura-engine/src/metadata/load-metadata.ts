import { type ParseResult, parseMetadata } from "./parse-metadata.ts";
import { readMetadataDirectory } from "./read-directory.ts";

/** Reads and checks a metadata directory; needs no database. */
export async function loadMetadata(
  dir: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ParseResult> {
  const read = await readMetadataDirectory(dir);
  return "problems" in read ? read : parseMetadata(read.raw.object, env, read.raw.placeOf);
}
