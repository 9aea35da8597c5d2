import type pg from "pg";
import type { EngineLog } from "../engine-log.ts";
import type { Model } from "../model/model.ts";
import type { EngineSettings } from "../settings.ts";
import { deleteOldInvocations } from "./attempts.ts";
import { startCrons } from "./crons.ts";
import { startDelivery } from "./delivery.ts";
import { installEventTriggers } from "./install-event-triggers.ts";
import { hasOwnTables } from "./own-tables.ts";

export type Events = {
  /** After a change of metadata; resolves when the database triggers are in line with it. */
  install(model: Model): Promise<void>;
  stop(): Promise<void>;
};

const CLEANUP_MS = 3_600_000;

/** Event triggers and cron triggers of one engine. A database that never had any is not touched. */
export async function startEvents(
  deps: { pool: pg.Pool; settings: EngineSettings; log: EngineLog; cronCheckMs?: number },
  first: Model,
): Promise<Events> {
  const { pool, settings, log } = deps;
  let model = first;
  let installed = await hasOwnTables(pool);
  let stopLoops: (() => Promise<void>) | undefined;
  const install = async (next: Model): Promise<void> => {
    model = next;
    if (!installed && next.eventTriggers.length === 0 && next.cronTriggers.length === 0) return;
    await installEventTriggers(pool, next.eventTriggers, settings.stringifyNumericTypes);
    installed = true;
    stopLoops ??= startLoops();
  };
  const startLoops = (): (() => Promise<void>) => {
    const delivery = startDelivery(
      { pool, triggers: () => model.eventTriggers, log },
      {
        fetchIntervalMs: settings.eventsFetchIntervalMs,
        batchSize: settings.eventsFetchBatchSize,
        poolSize: settings.eventsHttpPoolSize,
      },
    );
    const crons = startCrons({
      pool,
      triggers: () => model.cronTriggers,
      log,
      ...(deps.cronCheckMs === undefined ? {} : { checkMs: deps.cronCheckMs }),
    });
    const cleanup = setInterval(() => void deleteOldInvocations(pool, log), CLEANUP_MS);
    cleanup.unref();
    return async () => {
      clearInterval(cleanup);
      await Promise.all([delivery.stop(), crons.stop()]);
    };
  };
  await install(first);
  return {
    install,
    async stop() {
      await stopLoops?.();
    },
  };
}
