import { Agent, request } from "node:http";
import { signedWebhook } from "@control-plane/local-stack";
import { defineCell } from "../cell.ts";
import type { Receiver } from "../sender.ts";

type Answer = { status: number; goodBye: boolean; error: string };

/** One request on a kept-alive connection; status 0 when no answer came. */
function post(agent: Agent, origin: string, receiver: Receiver, id: string): Promise<Answer> {
  return new Promise((resolve) => {
    const body = JSON.stringify({ id });
    const sent = request(
      `${origin}/hooks/${receiver.webhookPath}`,
      {
        method: "POST",
        agent,
        headers: { ...signedWebhook(receiver.secret, body, id), "content-length": Buffer.byteLength(body) },
      },
      (reply) => {
        reply.resume();
        const goodBye = reply.headers.connection === "close";
        reply.on("end", () => resolve({ status: reply.statusCode ?? 0, goodBye, error: "" }));
      },
    );
    sent.on("error", (error) => resolve({ status: 0, goodBye: false, error: error.message }));
    sent.end(body);
  });
}

/** Services are replaced under load, and no caller notices. */
export const rolling = defineCell({
  id: "F23",
  title: "SIGTERM to each service under load, one after the other",
  async play({ begin, stage, gateway, orchestrator, runner, send, size, settle, must, within, until }) {
    const [receiver, second] = await begin();
    if (receiver === undefined || second === undefined) throw new Error("there is no receiver");
    const another = await stage.another("webhook-gateway");
    await another.start();
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const failures: string[] = [];
    let answered = 0;
    let over = false;
    const client = async (worker: number): Promise<void> => {
      // Who hears good-bye goes elsewhere, as a balancer does: a new connection is lost when its server stops to listen.
      let origin = gateway.url;
      for (let n = 0; !over; n += 1) {
        const { status, goodBye, error } = await post(agent, origin, receiver, `msg_rolling_${worker}_${n}`);
        // 503 with Retry-After is an answer: it says to come again.
        if (status === 0 || (status >= 400 && status !== 503)) failures.push(`${status} ${error}`);
        else answered += 1;
        if (goodBye) origin = another.url;
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, (_, worker) => client(worker)));
    await until(async () => answered > 50, 30, "requests are answered");
    within(await gateway.stop(), 10_000, "the gateway ends");
    await gateway.start();
    over = true;
    await clients;
    agent.destroy();
    must(
      failures.length === 0,
      `${failures.length} requests failed while the gateway was replaced: ${failures.slice(0, 3).join("; ")}`,
    );

    const sending = send({ receivers: [second], count: Math.ceil(size / 2), gateways: [gateway.url, another.url] });
    within(await orchestrator.stop(), 10_000, "the orchestrator ends");
    await orchestrator.start();
    within(await runner.stop(), 12_000, "the runner ends");
    await runner.start();
    await sending;
    await settle(120);
  },
});
