// What a deploy has to build, run and roll out, as the outputs of a workflow step: `apps`, `jobs` and `images`, each a JSON list.
//   node infra/ci/plan-deploy.mjs --since <git ref> --apps changed|all|<names parted by commas>
// A package has changed when turbo's graph says so, by itself or by what it depends on; without that ref everything has.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const rootDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const APPS = readdirSync(join(rootDir, "apps")).sort();
/** What runs before the apps, and in which image. */
const JOBS = { migrate: "db", "logs-setup": "logs-schema" };
/** A change here is one of every image. */
const OF_ALL_IMAGES = [
  "infra/docker",
  "infra/deploy",
  "infra/patches",
  "infra/proxy",
  ".dockerignore",
  "tsconfig.base.json",
  "turbo.json",
];

function run(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: rootDir, encoding: "utf8" });
  return { ok: status === 0, stdout, stderr };
}

/** Names without scope of the packages that changed since the ref, undefined when that is all of them. */
function changedSince(ref) {
  const known = run("git", "rev-parse", "--verify", "--quiet", `${ref}^{commit}`);
  if (!known.ok) return undefined;
  const everywhere = run("git", "diff", "--quiet", ref, "HEAD", "--", ...OF_ALL_IMAGES);
  if (!everywhere.ok) return undefined;
  const graph = run("pnpm", "exec", "turbo", "ls", "--filter", `...[${ref}...HEAD]`, "--output=json");
  if (!graph.ok) throw new Error(`turbo could not compare with ${ref}\n${graph.stderr}`);
  return JSON.parse(graph.stdout).packages.items.map(({ name }) => name.replace(/^@[^/]+\//, ""));
}

function planFor(wish, since) {
  const deployable = [...APPS, "db"];
  if (wish === "all") return deployable;
  if (wish === "changed") {
    const changed = changedSince(since);
    return deployable.filter((name) => changed === undefined || changed.includes(name));
  }
  const named = wish.split(",").map((name) => name.trim());
  const unknown = named.filter((name) => !deployable.includes(name));
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(", ")}; there are ${deployable.join(", ")}`);
  return named;
}

const { values } = parseArgs({
  options: { since: { type: "string", default: "" }, apps: { type: "string", default: "changed" } },
});
const images = planFor(values.apps, values.since);
const lists = {
  apps: images.filter((name) => APPS.includes(name)),
  jobs: Object.keys(JOBS).filter((job) => images.includes(JOBS[job])),
  images,
};
for (const [name, list] of Object.entries(lists)) console.log(`${name}=${JSON.stringify(list)}`);
