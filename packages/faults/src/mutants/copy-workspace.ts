import { cpSync, symlinkSync } from "node:fs";
import { join, relative, sep } from "node:path";

const LEFT_OUT = new Set([".git", ".local", ".turbo", "dist", "test", "conformance", "docs", "faults", "bench", "e2e"]);

/**
 * A copy of the workspace whose source may be changed. Packages of others are those of the original: the links of the
 * workspace's own packages are relative, so that in the copy they lead to the copy.
 */
export function copyWorkspace(root: string, copy: string): void {
  cpSync(root, copy, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => {
      const parts = relative(root, source).split(sep);
      return parts[0] !== "node_modules" && parts[0] !== "infra" && !parts.some((part) => LEFT_OUT.has(part));
    },
  });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
}
