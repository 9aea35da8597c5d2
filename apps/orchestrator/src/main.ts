import { type Loop, runUntilSignal } from "@control-plane/service-kit";
import { loadConfig } from "./config.ts";
import { startRunEventsConsumer } from "./consumers/run-events.ts";
import { createDeps } from "./deps.ts";
import { dispatchPass } from "./loops/dispatch.ts";
import { startIntervalLoop } from "./loops/interval-loop.ts";
import { startListening } from "./loops/listen.ts";
import { sweepPass } from "./loops/sweep.ts";
import { buildServer } from "./server.ts";

const config = loadConfig(process.env);
const { deps, close } = await createDeps(config);
const server = await buildServer(deps, {
  actionSecrets: config.HASURA_ACTION_SECRET,
  eventSecrets: config.HASURA_EVENT_SECRET,
  trustedProxies: config.TRUSTED_PROXIES,
});
const dispatch = startIntervalLoop({
  name: "dispatch",
  intervalMs: config.DISPATCH_INTERVAL_MS,
  pass: () => dispatchPass(deps),
  log: deps.log,
});
deps.wakeDispatcher = dispatch.wake;
const sweep = startIntervalLoop({
  name: "sweep",
  intervalMs: config.SWEEP_INTERVAL_MS,
  pass: () => sweepPass(deps),
  log: deps.log,
});
const listening = startListening({
  databaseUrl: config.DATABASE_URL,
  channel: "runs_pending",
  onNotify: dispatch.wake,
  log: deps.log,
});
const events = startRunEventsConsumer(deps, { url: config.REDIS_URL, prefix: config.QUEUE_PREFIX });
const consuming: Loop = { stop: () => events.close() };
runUntilSignal({ server, log: deps.log, close, loops: [listening, dispatch, sweep, consuming], deadlineMs: 10_000 });
await server.listen({ host: config.HOST, port: config.PORT });
