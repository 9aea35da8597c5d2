// A runner of the contract that does nothing: it claims over HTTP and reports every step and the run in one batch.
import { createServer } from "node:http";
import { Worker } from "bullmq";
import { z } from "zod";

const { CONCURRENCY = "50", ORCHESTRATOR_URL = "", PORT, REDIS_URL = "", RUNNER_TOKEN = "" } = process.env;
const jobSchema = z.object({ runId: z.string(), attempt: z.int() });
const claimSchema = z.object({
  leaseToken: z.string(),
  bundle: z.object({ steps: z.array(z.object({ stepKey: z.string() })) }),
});

async function call(path: string, token: string, body: unknown): Promise<Response> {
  return fetch(`${ORCHESTRATOR_URL}/runner/v1/runs/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

const worker = new Worker(
  "run-requested",
  async (job) => {
    const { runId, attempt } = jobSchema.parse(job.data);
    const claimed = await call(`${runId}/claim`, RUNNER_TOKEN, { contractVersion: 1, attempt, runnerId: "noop" });
    if (claimed.status === 409) return;
    const { leaseToken, bundle } = claimSchema.parse(await claimed.json());
    const at = new Date().toISOString();
    const ends = bundle.steps.map(({ stepKey }) => ({ type: "step.succeeded", stepKey, output: null }));
    const events = [...ends, { type: "run.succeeded" }].map((event, index) => ({ seq: index + 1, at, ...event }));
    const reported = await call(`${runId}/events`, leaseToken, { contractVersion: 1, attempt, events });
    if (!reported.ok) throw new Error(`events were answered with ${reported.status}`);
    await reported.arrayBuffer();
  },
  { connection: { url: REDIS_URL, maxRetriesPerRequest: null }, concurrency: Number(CONCURRENCY) },
);
worker.on("error", () => undefined);
await worker.waitUntilReady();
const server = createServer((_, response) => response.end("ok")).listen(Number(PORT), "127.0.0.1");

process.on("SIGTERM", () => {
  server.close();
  void worker.close();
});
