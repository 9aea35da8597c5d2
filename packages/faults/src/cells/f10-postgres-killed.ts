import { setTimeout as delay } from "node:timers/promises";
import { defineCell } from "../cell.ts";
import { attempt } from "../sender.ts";

/** What PostgreSQL acknowledged outlives it; while it is away nothing is acknowledged, and nobody dies of it. */
export const postgresKilled = defineCell({
  id: "F10",
  title: "kill -9 of PostgreSQL while webhooks come in",
  async play({ begin, stores, gateway, orchestrator, send, size, random, settle, must, within, until, count }) {
    const [first, second] = await begin();
    if (first === undefined || second === undefined) throw new Error("there are no receivers");
    let acknowledged = 0;
    const killAt = random.int(Math.ceil(size / 8), Math.ceil(size / 4));
    const sending = send({
      receivers: [first, second],
      count: size,
      onAcknowledged: (total) => {
        acknowledged = total;
      },
    });
    await until(async () => acknowledged >= killAt, 60, `${killAt} webhooks are acknowledged`);
    await stores.killPostgres();
    await delay(100);
    for (let probe = 0; probe < 5; probe += 1) {
      const reply = await attempt(gateway.url, first, { id: `msg_probe_${probe}`, body: "{}" });
      must(reply.status === 503, `without PostgreSQL a webhook was answered ${reply.status}`);
      must(reply.retryAfter !== null, "a 503 came without Retry-After");
      within(reply.ms, 2_500, "a webhook is answered without PostgreSQL");
    }
    await stores.startPostgres();
    const back = performance.now();
    await until(
      async () => (await attempt(gateway.url, first, { id: "msg_first_after", body: "{}" })).status < 300,
      30,
      "the gateway takes webhooks again",
    );
    within(performance.now() - back, 5_000, "the gateway takes webhooks after PostgreSQL came back");
    must(gateway.isRunning() && orchestrator.isRunning(), "a service ended over PostgreSQL");
    await sending;
    await until(async () => (await count("select 1")) === 1, 30, "PostgreSQL answers");
    await settle(120);
  },
});
