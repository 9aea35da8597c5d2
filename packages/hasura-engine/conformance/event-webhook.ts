import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, EventWebhook } from "./event-scenarios.ts";
import { parseJson } from "./exact-json.ts";
import { startHelperServer } from "./helper-server.ts";

/** The webhook of the data set's README, section "Event scenarios". */
export async function startEventWebhook(): Promise<EventWebhook & { close(): Promise<void> }> {
  let deliveries: Delivery[] = [];
  let gate = createGate();
  let held = 0;

  const { url, close } = await startHelperServer(async (request, body, response) => {
    const path = request.url ?? "/";
    if (request.method === "POST")
      deliveries.push({ path, headers: flatHeaders(request.headers), body: parseJson(body) });
    if (path === "/sleep_2s") await delay(2000);
    if (path === "/block") {
      held += 1;
      await gate.opened;
      held -= 1;
    }
    response.writeHead(path === "/fail" ? 500 : 204).end();
  });

  return {
    url,
    deliveries: () => deliveries,
    clear() {
      deliveries = [];
      gate.open();
      gate = createGate();
    },
    inFlight: () => held,
    release: () => gate.open(),
    async close() {
      gate.open();
      await close();
    },
  };
}

function createGate(): { opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

function flatHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]));
}
