import { join } from "node:path";
import type { Generator } from "./job.ts";
import { runChild } from "./run-child.ts";

const script = join(import.meta.dirname, "autocannon.child.ts");

/** autocannon, from npm. */
export const autocannon: Generator = { name: "autocannon", measure: (job) => runChild(script, job) };
