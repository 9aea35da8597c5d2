import { join } from "node:path";
import type { Figures, SteadyJob } from "./job.ts";
import { runChild } from "./run-child.ts";

const script = join(import.meta.dirname, "steady.child.ts");

/** Our own, because neither wrk nor autocannon keeps a rate: each request has its time, from which its latency counts. */
export const steady = {
  name: "steady (of this package)",
  measure: (job: SteadyJob): Promise<Figures> => runChild(script, job),
};
