// The floor of a whole run: BullMQ alone, empty jobs, nothing stored. Prints jobs per second.
import { Queue, Worker } from "bullmq";

const { JOBS = "20000", REDIS_URL = "" } = process.env;
const jobs = Number(JOBS);
const queue = new Queue("floor", { connection: { url: REDIS_URL } });
for (let added = 0; added < jobs; added += 1_000)
  await queue.addBulk(Array.from({ length: Math.min(1_000, jobs - added) }, () => ({ name: "noop", data: {} })));
const startedAt = performance.now();
let done = 0;
await new Promise<void>((resolve) => {
  const worker = new Worker(
    "floor",
    async () => {
      done += 1;
      if (done === jobs) resolve();
    },
    { connection: { url: REDIS_URL, maxRetriesPerRequest: null }, concurrency: 50 },
  );
  worker.on("error", () => undefined);
});
process.stdout.write(
  JSON.stringify({ requests: done, requestsPerSecond: (done * 1_000) / (performance.now() - startedAt) }),
);
process.exit(0);
