import { runRunner } from "@control-plane/testkit/runner";

// The small TypeScript runner of the tests as a process of its own, for machines without Python.

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}

const runner = await runRunner({
  orchestratorUrl: setting("ORCHESTRATOR_URL"),
  redisUrl: setting("REDIS_URL"),
  queuePrefix: setting("QUEUE_PREFIX"),
  mongoUrl: setting("MONGODB_URL"),
  runnerToken: setting("RUNNER_TOKEN"),
  runnerId: setting("RUNNER_ID"),
  egressAllow: process.env["EGRESS_ALLOW"] ?? "",
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    void runner.stop().then(() => process.exit(0));
  });
}
