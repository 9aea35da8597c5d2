// Fails unless a metadata directory that Hasura exported says the same as hasura/metadata, as parsed data: layout and
// comments do not count. `node --conditions=@control-plane/source infra/ci/compare-metadata.mjs <folder>`
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

const { problemText, readMetadataDirectory } = await import("../../packages/hasura-engine/src/index.ts");

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

async function read(folder) {
  const found = await readMetadataDirectory(folder);
  if ("problems" in found) throw new Error(`${folder}:\n${found.problems.map(problemText).join("\n")}`);
  return found.raw.object;
}

/** Places at which two trees differ. Lists of named objects have no order of their own. */
function differences(ours, theirs, place) {
  if (isDeepStrictEqual(ours, theirs)) return [];
  const isTree = (value) => typeof value === "object" && value !== null;
  if (!isTree(ours) || !isTree(theirs) || Array.isArray(ours) !== Array.isArray(theirs))
    return [`${place}: ${JSON.stringify(ours)} became ${JSON.stringify(theirs)}`];
  const [left, right] = [ours, theirs].map((tree) => (Array.isArray(tree) ? [...tree].sort(byText) : tree));
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) =>
    differences(left[key], right[key], `${place}/${key}`),
  );
}

const byText = (one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);

const [exported] = process.argv.slice(2);
if (exported === undefined) throw new Error("name the exported folder");
const found = differences(await read(join(rootDir, "hasura/metadata")), await read(exported), "");
for (const line of found.slice(0, 50)) console.error(`metadata: ${line}`);
if (found.length > 0) process.exit(1);
console.log("metadata: what was exported is what was applied");
