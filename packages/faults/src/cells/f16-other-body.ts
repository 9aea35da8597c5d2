import { defineCell } from "../cell.ts";
import { attempt } from "../sender.ts";

/** An id stands for one body. */
export const otherBody = defineCell({
  id: "F16",
  title: "the same id with another body",
  async play({ begin, gateway, settle, must, count }) {
    const [receiver] = await begin();
    if (receiver === undefined) throw new Error("there is no receiver");
    const first = await attempt(gateway.url, receiver, { id: "msg_1", body: '{"n":1}' });
    const other = await attempt(gateway.url, receiver, { id: "msg_1", body: '{"n":2}' });
    must(first.status === 202, `the first was answered ${first.status}`);
    must(other.status === 409, `the other body was answered ${other.status}`);
    must(
      (await count("select 1 from webhook_deliveries where conflict_count = 1")) === 1,
      "the conflict is not counted",
    );
    await settle();
    must((await count("select 1 from workflow_runs where input = '{\"n\": 1}'")) === 1, "there is not the one run");
  },
});
