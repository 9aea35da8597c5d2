import { defineCron } from "@control-plane/service-kit";
import type { Deps } from "../deps.ts";
import { dispatchPass } from "../loops/dispatch.ts";
import { sweepPass } from "../loops/sweep.ts";

/** One pass of everything, in case the loops of every replica sleep. */
export const tick = defineCron({
  name: "tick",
  async run(_tick, deps: Deps) {
    await sweepPass(deps);
    await dispatchPass(deps);
  },
});
