// Fails on an error code that nothing throws and on a setting that nothing reads. What an open issue will throw or read is
// listed with that number, and leaves the list when it is used.
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const notThrownYet = {};
const notReadYet = {};

const textOf = (patterns, left = []) =>
  globSync(patterns, { cwd: rootDir })
    .filter((file) => !file.endsWith(".test.ts") && !left.includes(file))
    .map((file) => readFileSync(join(rootDir, file), "utf8"))
    .join("\n");
const load = (file) => import(pathToFileURL(join(rootDir, file)).href);

async function deadCodes() {
  const { ERROR_CODES } = await load("packages/service-kit/src/errors.ts");
  // There the same words are the database's: what a trigger refused.
  const text = textOf(
    ["apps/*/src/**/*.ts", "packages/{service-kit,db,crypto,queue,runs}/src/**/*.ts"],
    ["packages/db/src/sql-state.ts"],
  );
  return Object.keys(ERROR_CODES).filter((code) => !text.includes(`"${code}"`));
}

/** Of `<app> <NAME>`; groups of settings are read by the package that they configure. */
async function deadSettings() {
  const kit = textOf(["packages/{service-kit,crypto}/src/**/*.ts"], ["packages/service-kit/src/config.ts"]);
  const found = await Promise.all(
    globSync("apps/*/src/config.ts", { cwd: rootDir }).map(async (file) => {
      const app = file.split(/[\\/]/)[1];
      const { configSchema } = await load(file);
      const text = kit + textOf([`apps/${app}/src/**/*.ts`], [file]);
      return Object.keys(configSchema.shape)
        .filter((name) => !new RegExp(`\\b${name}\\b`).test(text))
        .map((name) => `${app} ${name}`);
    }),
  );
  return found.flat();
}

function compare(dead, excused, what) {
  const names = Object.values(excused).flat();
  return [
    ...dead.filter((name) => !names.includes(name)).map((name) => `${name}: ${what}`),
    ...names
      .filter((name) => !dead.includes(name))
      .map((name) => `${name}: in use, so take it off the list of exceptions`),
  ];
}

const problems = [
  ...compare(await deadCodes(), notThrownYet, "an error code that nothing throws"),
  ...compare(await deadSettings(), notReadYet, "a setting that nothing reads"),
];
for (const problem of problems) console.error(`dead names: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log("dead names: every error code is thrown, every setting is read, or an open issue will");
