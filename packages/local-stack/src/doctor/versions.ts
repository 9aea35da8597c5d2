import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findPython, PYTHON_REMEDY } from "@control-plane/local-stores";
import { z } from "zod";
import { rootDir } from "../clone.ts";
import type { Check } from "./check.ts";

const pinnedSchema = z.object({ dependencies: z.object({ node: z.string(), pnpm: z.string() }) });

/** Of what runs this command, and of what a start needs from outside. */
export async function versions(): Promise<readonly Check[]> {
  const manifest = readFileSync(join(rootDir, "infra/bootstrap/package.json"), "utf8");
  const pinned = pinnedSchema.parse(JSON.parse(manifest)).dependencies;
  const node = process.versions.node;
  const python = await findPython({ log: () => {}, install: false });
  return [
    {
      area: "versions",
      name: "Node",
      found: node,
      ...(node === pinned.node ? {} : { remedy: `${pinned.node} is needed; run this through npm run doctor` }),
    },
    { area: "versions", name: "pnpm", found: pinned.pnpm },
    {
      area: "versions",
      name: "Python",
      found: python === undefined ? "none of 3.10 or later" : `${python.version} (${python.command})`,
      ...(python === undefined ? { remedy: PYTHON_REMEDY } : {}),
    },
    { area: "versions", name: "system", found: `${process.platform} ${process.arch}` },
  ];
}
