// A runner of the contract that does nothing: it claims over HTTP and reports every step and the run in one batch.
import { Agent, createServer, request } from "node:http";
import { text } from "node:stream/consumers";
import { Worker } from "bullmq";
import { z } from "zod";

const { CONCURRENCY = "50", ORCHESTRATOR_URL = "", PORT, REDIS_URL = "", RUNNER_TOKEN = "" } = process.env;
const jobSchema = z.object({ runId: z.string(), attempt: z.int() });
const claimSchema = z.object({
  leaseToken: z.string(),
  bundle: z.object({ steps: z.array(z.object({ stepKey: z.string() })) }),
});

const agent = new Agent({ keepAlive: true });

/** By node:http, which costs a third of fetch: what is measured is the control plane. */
async function call(path: string, token: string, body: unknown): Promise<{ status: number; text: string }> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const url = `${ORCHESTRATOR_URL}/runner/v1/runs/${path}`;
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      text(response).then((read) => resolve({ status: response.statusCode ?? 0, text: read }), reject);
    });
    sent.once("error", reject).end(JSON.stringify(body));
  });
}

const worker = new Worker(
  "run-requested",
  async (job) => {
    const { runId, attempt } = jobSchema.parse(job.data);
    const claimed = await call(`${runId}/claim`, RUNNER_TOKEN, { contractVersion: 1, attempt, runnerId: "noop" });
    if (claimed.status === 409) return;
    const { leaseToken, bundle } = claimSchema.parse(JSON.parse(claimed.text));
    const at = new Date().toISOString();
    const ends = bundle.steps.map(({ stepKey }) => ({ type: "step.succeeded", stepKey, output: null }));
    const events = [...ends, { type: "run.succeeded" }].map((event, index) => ({ seq: index + 1, at, ...event }));
    const reported = await call(`${runId}/events`, leaseToken, { contractVersion: 1, attempt, events });
    if (reported.status !== 200) throw new Error(`events were answered with ${reported.status}`);
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
