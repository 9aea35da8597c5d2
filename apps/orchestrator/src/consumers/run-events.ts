import { type Consumer, type QueueConnection, runEvents, startConsumer } from "@control-plane/queue";
import { failpoint } from "@control-plane/service-kit/failpoint";
import { type RunEventsDeps, refuseUnreadable, takeRunEvents } from "../domain/take-run-events.ts";
import { letterIdOf } from "../store/dead-letters.ts";

const CONCURRENCY = 10;

/** Takes runners' events from the queue; they go through the same reducer as those over HTTP. */
export function startRunEventsConsumer(deps: RunEventsDeps, connection: QueueConnection): Consumer {
  return startConsumer(runEvents, connection, {
    concurrency: CONCURRENCY,
    handle: async (events, job) => {
      await takeRunEvents(deps, events, letterIdOf(job));
      await failpoint("run-events.after-apply");
    },
    onUnreadable: ({ data, reason, ...job }) =>
      refuseUnreadable(deps, { id: letterIdOf(job), runId: undefined, detail: reason, data }),
    onError: (error) => deps.log.debug({ err: error }, "run-events consumer"),
  });
}
