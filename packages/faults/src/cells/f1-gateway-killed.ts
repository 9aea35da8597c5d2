import type { FailpointName } from "@control-plane/service-kit/failpoint";
import { defineCell } from "../cell.ts";

const FAILPOINTS = [
  "gateway.after-verify",
  "gateway.before-batch",
  "gateway.after-insert",
  "gateway.after-reply",
] as const satisfies readonly FailpointName[];

/** kill -9 of the gateway at each of its places: what was acknowledged is there once, whatever the sender did after. */
export const gatewayKilled = defineCell({
  id: "F1",
  title: "kill -9 of the gateway at each of its failpoints",
  failpoints: FAILPOINTS,
  async play({ begin, gateway, send, random, size, awaitDeath, within, settle }) {
    const receivers = await begin();
    for (const failpoint of FAILPOINTS) {
      await gateway.kill();
      await gateway.start({ failpoints: `${failpoint}:kill@${random.int(1, 3)}` });
      const sending = send({ receivers, count: Math.ceil(size / FAILPOINTS.length) });
      await awaitDeath(gateway, failpoint);
      within(await gateway.start(), 1_500, `a new gateway is ready after ${failpoint}`);
      await sending;
    }
    await settle();
  },
});
