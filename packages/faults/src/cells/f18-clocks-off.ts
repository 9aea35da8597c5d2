import { join } from "node:path";
import { defineCell } from "../cell.ts";
import { postSigned } from "../sender.ts";

const TEN_MINUTES = 600;
const shift = (seconds: number) => ({
  args: ["--import", join(import.meta.dirname, "../clock-shift.mjs")],
  env: { CLOCK_SHIFT_SECONDS: String(seconds) },
});

/** A sender's clock counts within its tolerance; leases and deadlines go by the database's alone. */
export const clocksOff = defineCell({
  id: "F18",
  title: "clocks of sender, gateway and orchestrator are off by 10 minutes",
  async play({ begin, gateway, orchestrator, send, size, settle, must, count }) {
    const receivers = await begin();
    const [receiver] = receivers;
    if (receiver === undefined) throw new Error("there is no receiver");
    for (const gatewayOff of [0, TEN_MINUTES, -TEN_MINUTES]) {
      await gateway.stop();
      await gateway.start(shift(gatewayOff));
      for (const [off, expected] of [
        // The answer takes its time too, so the accepted ones keep some seconds of it.
        [-310, 401],
        [-290, 202],
        [290, 202],
        [310, 401],
      ] as const) {
        const status = await postSigned(gateway.url, receiver, `msg_${gatewayOff}_${off}`, gatewayOff + off);
        must(status === expected, `a webhook signed ${off} s away from its gateway's clock was answered ${status}`);
      }
    }
    await gateway.stop();
    await gateway.start();
    for (const off of [TEN_MINUTES, -TEN_MINUTES]) {
      await orchestrator.stop();
      await orchestrator.start(shift(off));
      await send({ receivers, count: Math.ceil(size / 4) });
      await settle();
    }
    must(
      (await count("select 1 from workflow_runs where status <> 'SUCCEEDED'")) === 0,
      "a run ended by a service's clock",
    );
  },
});
