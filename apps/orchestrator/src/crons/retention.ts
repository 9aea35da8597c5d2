import { defineCron } from "@control-plane/service-kit";
import type { Deps } from "../deps.ts";
import { deleteEndedBuffers, deleteEventLogs, deleteOldDeliveries, releaseDedupeKeys } from "../store/retention.ts";

/** Ages out deliveries, what is left of ended attempts, and what Hasura is done with. */
export const retention = defineCron({
  name: "retention",
  async run(_tick, deps: Deps) {
    const released = await releaseDedupeKeys(deps.db);
    const deleted = await deleteOldDeliveries(deps.db);
    const buffers = await deleteEndedBuffers(deps.db);
    const events = await deleteEventLogs(deps.db);
    deps.log.info({ released, deleted, buffers, events }, "retention done");
  },
});
