import { defineCell } from "../cell.ts";
import type { Program } from "../program.ts";
import { attempt, type Receiver } from "../sender.ts";

const AT_ONCE = 200;
const webhook = { id: "msg_the_one", body: '{"n":1}' };

/** One id is one run, however often, wherever and how long after it comes. */
export const oneId = defineCell({
  id: "F15",
  title: `one id ${AT_ONCE} times at once on 3 gateways, after their restart, and almost 7 days later`,
  async play({ begin, stage, gateway, orchestrator, settle, must, count }) {
    const [receiver] = await begin();
    if (receiver === undefined) throw new Error("there is no receiver");
    const gateways = [gateway, await stage.another("webhook-gateway"), await stage.another("webhook-gateway")];
    await Promise.all(gateways.slice(1).map((program) => program.start()));
    const first = await postMany(gateways, receiver);
    await Promise.all(
      gateways.map(async (program) => {
        await program.stop();
        await program.start();
      }),
    );
    const again = await postMany(gateways, receiver);
    await stage.pool.query(
      "update webhook_deliveries set received_at = received_at - interval '6 days 23 hours', last_repeat_at = now() - interval '6 days 23 hours'",
    );
    await fetch(`${orchestrator.url}/crons/retention`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-event-secret": stage.input.secrets.eventSecret },
      body: JSON.stringify({ name: "retention", scheduled_time: new Date().toISOString(), payload: {}, id: "1" }),
    });
    const late = await postMany(gateways, receiver);
    const all = [...first, ...again, ...late];
    must(
      all.every(({ status }) => status === 202 || status === 200),
      `the same webhook was answered ${[...new Set(all.map(({ status }) => status))].join(", ")}`,
    );
    must(all.filter(({ status }) => status === 202).length === 1, "not exactly one of the same webhooks was accepted");
    const ids = new Set(all.map(({ ids }) => ids));
    must(ids.size === 1, `one webhook was answered with ${ids.size} pairs of ids`);
    await settle();
    must((await count("select 1 from workflow_runs")) === 1, "one webhook made more than one run");
  },
});

/** A connection that broke is no answer: the sender asks again. */
async function postMany(gateways: readonly Program[], receiver: Receiver) {
  return Promise.all(
    Array.from({ length: AT_ONCE }, async (_, n) => {
      const origin = gateways[n % gateways.length]?.url ?? "";
      for (let tries = 0; ; tries += 1) {
        const { status, body } = await attempt(origin, receiver, webhook);
        if ((status === 0 || status === 503) && tries < 10) continue;
        const { deliveryId, runId }: { deliveryId?: unknown; runId?: unknown } = Object(body);
        return { status, ids: `${String(deliveryId)} ${String(runId)}` };
      }
    }),
  );
}
