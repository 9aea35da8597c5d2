import { setTimeout as delay } from "node:timers/promises";
import { defineCell } from "../cell.ts";
import { quantile } from "../sender.ts";

const AWAY_MS = 5_000;

/** Redis is not on the path of a webhook: nobody outside notices that it is gone. */
export const redisStopped = defineCell({
  id: "F6",
  title: "Redis is away while webhooks come in",
  async play({ begin, stores, send, size, settle, must, within }) {
    const receivers = await begin();
    const before = await send({ receivers, count: Math.ceil(size / 2) });
    await stores.stopRedis();
    const during = await send({ receivers, count: Math.ceil(size / 2) });
    await delay(AWAY_MS);
    await stores.startRedis();
    const refused = [...during.answers.keys()].filter((status) => status !== 202);
    must(refused.length === 0, `without Redis a webhook was answered ${refused.join(", ")}`);
    within(
      quantile(during.latencies, 0.99),
      Math.max(2 * quantile(before.latencies, 0.99), 50),
      "p99 of webhooks without Redis",
    );
    const back = performance.now();
    await settle(120);
    within(performance.now() - back, 60_000, "everything is over after Redis came back");
  },
});
