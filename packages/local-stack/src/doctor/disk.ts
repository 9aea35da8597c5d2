import { statfs } from "node:fs/promises";
import { rootDir } from "../clone.ts";
import type { Check } from "./check.ts";

const GIB = 2 ** 30;
/** Below this PostgreSQL and the Python environments of a first start may find no room. */
const FREE_BYTES_MIN = 2 * GIB;

export async function disk(): Promise<readonly Check[]> {
  const { bavail, bsize } = await statfs(rootDir);
  const free = bavail * bsize;
  return [
    {
      area: "disk",
      name: "free",
      found: `${(free / GIB).toFixed(1)} GiB at ${rootDir}`,
      ...(free >= FREE_BYTES_MIN
        ? {}
        : { remedy: "make room: a stack needs 2 GiB; npm run reset deletes this clone's data" }),
    },
  ];
}
