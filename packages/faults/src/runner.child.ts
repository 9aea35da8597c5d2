import { armFailpoints, parseFailpoints } from "@control-plane/service-kit/failpoint";
import { runRunner } from "@control-plane/testkit/runner";
import { z } from "zod";
import { recordInLedger } from "./audit/ledger.ts";

// The runner of fault tests as a process of its own: it keeps a ledger of what it did, dies at failpoints, and obeys
// inputs that a well-meaning runner would never meet.

const env = z
  .object({
    ORCHESTRATOR_URL: z.url(),
    REDIS_URL: z.url(),
    QUEUE_PREFIX: z.string(),
    MONGODB_URL: z.string().optional(),
    RUNNER_TOKEN: z.string(),
    RUNNER_ID: z.string(),
    RUNNER_CONCURRENCY: z.coerce.number(),
    LEDGER: z.string(),
    BLOCK_SECONDS: z.coerce.number(),
    FAILPOINTS: z.string().default(""),
  })
  .parse(process.env);

const armed = parseFailpoints(env.FAILPOINTS);
if (typeof armed === "string") throw new Error(armed);
armFailpoints(armed);

/** An input `{"poison": …}` does to its runner what the word says. */
const poisonSchema = z.object({
  echoed: z.object({ poison: z.enum(["throw", "kill", "memory"]) }),
});

async function swallow(input: unknown): Promise<void> {
  const found = poisonSchema.safeParse(input);
  if (!found.success) return;
  switch (found.data.echoed.poison) {
    case "throw":
      throw new Error("poison");
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return new Promise(() => {});
    case "memory":
      for (const kept: string[] = []; ; ) kept.push("x".repeat(1_000) + kept.length);
  }
}

const runner = await runRunner({
  orchestratorUrl: env.ORCHESTRATOR_URL,
  redisUrl: env.REDIS_URL,
  queuePrefix: env.QUEUE_PREFIX,
  runnerToken: env.RUNNER_TOKEN,
  runnerId: env.RUNNER_ID,
  concurrency: env.RUNNER_CONCURRENCY,
  ...(env.MONGODB_URL === undefined ? {} : { mongoUrl: env.MONGODB_URL }),
  hooks: {
    onClaim: (run) => recordInLedger(env.LEDGER, { kind: "claim", ...run, stepKey: "" }),
    onStep: (_place, input) => swallow(input),
    onEffect: (place) => recordInLedger(env.LEDGER, { kind: "effect", ...place }),
  },
});

/** Nothing of this process runs for longer than a lease: no heartbeat, no event. */
process.on("SIGUSR2", () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, env.BLOCK_SECONDS * 1_000);
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    void runner.stop().then(() => process.exit(0));
  });
}
