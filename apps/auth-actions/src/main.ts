import { startListening } from "@control-plane/db";
import { runUntilSignal, startService } from "@control-plane/service-kit";
import { armFailpoints } from "@control-plane/service-kit/failpoint";
import { loadConfig } from "./config.ts";
import { createDeps } from "./deps.ts";
import { startSendMailLoop } from "./loops/send-mail.ts";
import { buildServer } from "./server.ts";

const SEND_MAIL_INTERVAL_MS = 5_000;

await startService("auth-actions", async () => {
  const config = loadConfig(process.env);
  armFailpoints(config.FAILPOINTS);
  const { deps, close } = await createDeps(config);
  const server = await buildServer(deps, {
    actionSecrets: config.HASURA_ACTION_SECRET,
    eventSecrets: config.HASURA_EVENT_SECRET,
    corsOrigins: config.CORS_ORIGINS,
    trustedProxies: config.TRUSTED_PROXIES,
    issuer: config.JWT_ISSUER,
  });
  const mail = startSendMailLoop({ ...deps, db: deps.loopDb }, SEND_MAIL_INTERVAL_MS);
  const listening = startListening({
    databaseUrl: config.DATABASE_URL,
    applicationName: "auth-actions",
    channel: "emails_queued",
    onNotify: deps.mailSignal.wake,
    log: deps.log,
  });
  runUntilSignal({ server, log: deps.log, close, loops: [listening, mail], deadlineMs: 10_000 });
  await server.listen({ host: config.HOST, port: config.PORT });
});
