import { defineCell } from "../cell.ts";
import { runnerApi } from "../runner-hand.ts";
import { attempt } from "../sender.ts";

/** Locks that somebody holds make requests wait, not hang: they are told to come again, and the waiting is bounded. */
export const poolExhausted = defineCell({
  id: "F12",
  title: "every connection waits for a lock",
  async play(play) {
    const { begin, stage, gateway, send, size, settle, must, within } = play;
    const [first, second] = await begin();
    if (first === undefined || second === undefined) throw new Error("there are no receivers");
    const client = await stage.pool.connect();
    try {
      await client.query("begin");
      await client.query("lock table workflow_runs in access exclusive mode");
      const sending = send({ receivers: [first, second], count: size, concurrency: 64 });
      const probes = await Promise.all(
        Array.from({ length: 10 }, (_, n) => attempt(gateway.url, first, { id: `msg_probe_${n}`, body: "{}" })),
      );
      for (const { status, retryAfter, ms } of probes) {
        must(status === 503 && retryAfter !== null, `behind a lock a webhook was answered ${status}`);
        within(ms, 3_000, "a webhook is answered behind a lock");
      }
      const startedAt = performance.now();
      const claim = await runnerApi(play).claim("01890000-0000-7000-8000-000000000000", 1, "harness");
      must(claim.outcome === "refused" && claim.status === 503, "behind a lock a claim was not answered 503");
      within(performance.now() - startedAt, 5_000, "a claim is answered behind a lock");
      await client.query("rollback");
      await sending;
    } finally {
      client.release(true);
    }
    await settle(120);
  },
});
