// Fails when a row of the defects in docs/security.md is borne by no test's title, when one that is said to be pending is,
// and when a title bears an id without a row. Whether these tests are green is what `npm run test:cve` says.
import { findTaggedFiles, readDefects } from "./cve-list.mjs";

const defects = readDefects();
const borne = new Map(findTaggedFiles().flatMap(({ file, ids }) => [...ids].map((id) => [id, file])));
const rows = Map.groupBy(defects, ({ id }) => id);
const problems = [
  ...(defects.length === 0 ? ["docs/security.md has no row that can be read"] : []),
  ...[...rows].filter(([, same]) => same.length > 1).map(([id]) => `${id} has two rows`),
  ...defects.filter(({ id, pending }) => !pending && !borne.has(id)).map(({ id }) => `${id} is in no test's title`),
  ...defects.filter(({ id, pending }) => pending && borne.has(id)).map(({ id }) => `${id} is pending, yet has a test`),
  ...[...borne].filter(([id]) => !rows.has(id)).map(([id, file]) => `${id} of ${file} has no row in docs/security.md`),
];
for (const problem of problems) console.error(`cve: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`cve: each of ${defects.length} defects of others is in a test's title`);
