import { defineCell } from "../cell.ts";

/** A Redis that neither answers nor goes away holds up nobody but the jobs. */
export const redisHangs = defineCell({
  id: "F9",
  title: "Redis hangs (SIGSTOP)",
  async play({ begin, stores, orchestrator, send, size, settle, must, within }) {
    const receivers = await begin();
    await send({ receivers, count: Math.ceil(size / 2) });
    stores.pause("redis");
    try {
      const during = await send({ receivers, count: Math.ceil(size / 2) });
      const refused = [...during.answers.keys()].filter((status) => status !== 202);
      must(refused.length === 0, `with a hanging Redis a webhook was answered ${refused.join(", ")}`);
      within(await orchestrator.stop(), 10_000, "the orchestrator ends although Redis hangs");
    } finally {
      stores.resume("redis");
    }
    await orchestrator.start();
    await settle(120);
  },
});
