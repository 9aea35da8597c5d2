import { startListening } from "@control-plane/db";
import { type Loop, runUntilSignal, startService } from "@control-plane/service-kit";
import { armFailpoints } from "@control-plane/service-kit/failpoint";
import { loadConfig } from "./config.ts";
import { startRunEventsConsumer } from "./consumers/run-events.ts";
import { createDeps } from "./deps.ts";
import { startBuryLoop } from "./loops/bury.ts";
import { startDispatchLoop } from "./loops/dispatch.ts";
import { startScheduleLoop } from "./loops/schedule.ts";
import { startSweepLoop } from "./loops/sweep.ts";
import { buildServer } from "./server.ts";

await startService("orchestrator", async () => {
  const config = loadConfig(process.env);
  armFailpoints(config.FAILPOINTS);
  const { deps, close } = await createDeps(config);
  const server = await buildServer(deps, {
    actionSecrets: config.HASURA_ACTION_SECRET,
    eventSecrets: config.HASURA_EVENT_SECRET,
    trustedProxies: config.TRUSTED_PROXIES,
  });
  const loopDeps = { ...deps, db: deps.loopDb };
  const dispatch = startDispatchLoop(loopDeps, config.DISPATCH_INTERVAL_MS);
  const schedule = startScheduleLoop(loopDeps, config.SCHEDULE_INTERVAL_MS);
  const sweep = startSweepLoop(loopDeps, config.SWEEP_INTERVAL_MS);
  const bury = startBuryLoop(loopDeps, config.SWEEP_INTERVAL_MS);
  const listening = startListening({
    databaseUrl: config.DATABASE_URL,
    applicationName: "orchestrator",
    channel: "runs_pending",
    onNotify: deps.dispatchSignal.wake,
    log: deps.log,
  });
  const events = startRunEventsConsumer(
    { ...deps, db: deps.runnerDb },
    { url: config.REDIS_URL, prefix: config.QUEUE_PREFIX },
  );
  const consuming: Loop = { stop: () => events.close() };
  runUntilSignal({
    server,
    log: deps.log,
    close,
    loops: [listening, dispatch, schedule, sweep, bury, consuming],
    deadlineMs: 10_000,
  });
  await server.listen({ host: config.HOST, port: config.PORT });
});
