import { Redis } from "ioredis";
import { defineCell } from "../cell.ts";

/** A Redis that takes nothing more delays runs; it costs none. */
export const redisFull = defineCell({
  id: "F8",
  title: "Redis at maxmemory with noeviction",
  async play({ begin, stores, orchestrator, send, size, settle, must, count, until }) {
    const receivers = await begin();
    const redis = new Redis(stores.redisUrl);
    redis.on("error", () => {});
    await redis.config("SET", "maxmemory", "1");
    const during = await send({ receivers, count: size });
    const refused = [...during.answers.keys()].filter((status) => status !== 202);
    must(refused.length === 0, `with Redis full a webhook was answered ${refused.join(", ")}`);
    must(
      (await count("select 1 from workflow_runs where status in ('PENDING','QUEUED')")) > 0,
      "runs were worked on although Redis took no jobs",
    );
    await until(
      async () =>
        (await oldestPending(orchestrator.url)) > 1 ||
        (await count("select 1 from workflow_runs where status = 'PENDING'")) === 0,
      30,
      "oldest_pending_run_seconds rises while runs wait",
    );
    await redis.config("SET", "maxmemory", "0");
    redis.disconnect();
    await settle(120);
    must(
      (await count("select 1 from workflow_runs where status <> 'SUCCEEDED'")) === 0,
      "a run failed over a full Redis",
    );
  },
});

async function oldestPending(origin: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  return Number(/^oldest_pending_run_seconds\S* ([0-9.e+-]+)$/m.exec(text)?.[1] ?? 0);
}
