// Takes out of a deployed folder what no process reads: `node infra/docker/slim.mjs <folder>`. Types, maps and texts of
// packages that are not ours, and the compiler, which pnpm brings along because it is an optional peer of one of them.
import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const COMPILER = /^(typescript@|@typescript\+|@types\+)/;
const UNREAD = /\.([cm]?ts|map|md|markdown|flow)$/i;

function walk(folder, visit) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) walk(path, visit);
    else visit(path, entry);
  }
}

export function slim(folder) {
  const store = join(folder, "node_modules/.pnpm");
  for (const name of readdirSync(store)) if (COMPILER.test(name)) rmSync(join(store, name), { recursive: true });
  walk(join(folder, "node_modules"), (path, entry) => {
    const isUnread =
      entry.isFile() && UNREAD.test(path) && !/node_modules\/@control-plane\/[^/]+\/(?!.*node_modules)/.test(path);
    if (isUnread || (lstatSync(path).isSymbolicLink() && !existsSync(path))) rmSync(path);
  });
}

const [folder] = process.argv.slice(2);
if (import.meta.main && folder !== undefined) slim(folder);
