import { spawnSync } from "node:child_process";
import { autocannon } from "./autocannon.ts";
import type { Generator } from "./job.ts";
import { wrk } from "./wrk.ts";

/** wrk where it is on PATH: it costs the machine least. */
export function chooseGenerator(): Generator {
  return spawnSync("wrk", ["--version"]).error === undefined ? wrk : autocannon;
}
