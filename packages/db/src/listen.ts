import type { Logger, Loop } from "@control-plane/service-kit";
import pg from "pg";

const RECONNECT_MS = 1_000;

/** Hears NOTIFY on a connection of its own, which is made again when it is lost. Missed ones are caught by the interval. */
export function startListening(options: {
  databaseUrl: string;
  applicationName: string;
  channel: string;
  onNotify: () => void;
  log: Logger;
}): Loop {
  let stopped = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: options.databaseUrl,
      application_name: `${options.applicationName}-listen-${options.channel}`,
    });
    client = next;
    next.on("notification", options.onNotify);
    next.on("error", () => {});
    next.on("end", again);
    try {
      await next.connect();
      await next.query(`listen ${pg.escapeIdentifier(options.channel)}`);
      options.onNotify();
    } catch (error) {
      options.log.debug({ err: error }, "listening failed");
      await next.end().catch(() => {});
      again();
    }
  };
  const again = (): void => {
    if (stopped || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void connect();
    }, RECONNECT_MS);
  };
  void connect();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await client?.end().catch(() => {});
    },
  };
}
