import { setupLogs } from "@control-plane/local-stack";
import { z } from "zod";
import { defineCell } from "../cell.ts";
import type { Play } from "../play.ts";
import type { Program } from "../program.ts";
import type { Receiver } from "../sender.ts";

const pageSchema = z.object({
  data: z.object({ getRunLogs: z.object({ lines: z.array(z.unknown()), error: z.string().nullable() }) }),
});

/** The page as an operator of Hasura reads it. */
async function readLogs({ stage }: Play, logs: Program, { tenantId }: Receiver, runId: string) {
  const startedAt = performance.now();
  const reply = await fetch(`${logs.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-logs-schema-secret": stage.input.secrets.logsSchemaSecret,
      "x-hasura-role": "admin",
    },
    body: JSON.stringify({
      query: "query($t: String!, $r: ID!) { getRunLogs(tenantId: $t, workflowRunId: $r) { lines { message } error } }",
      variables: { t: tenantId, r: runId },
    }),
  });
  const { getRunLogs } = pageSchema.parse(await reply.json()).data;
  return { ...getRunLogs, ms: performance.now() - startedAt };
}

/** Log lines are a comfort: runs do without, and readers are told so. */
export const mongodbAway = defineCell({
  id: "F14",
  title: "MongoDB hangs, then is gone",
  mongodb: true,
  async play(play) {
    const { stage, stores, send, size, settle, must, within, until, begin, count } = play;
    if (stage.input.stores.mongodb === undefined) {
      must(process.env.REQUIRE_ALL !== "1", "there is no MongoDB on this machine");
      return;
    }
    await setupLogs(stage.input.stores.mongodb);
    const [receiver] = await begin();
    if (receiver === undefined) throw new Error("there is no receiver");
    const logs = stage.program("logs-schema");
    await logs.start();
    const sent = await send({ receivers: [receiver], count: Math.ceil(size / 4) });
    await settle();
    const runId = sent.acknowledged[0]?.runId ?? "";
    await until(
      async () => (await readLogs(play, logs, receiver, runId)).lines.length > 0,
      30,
      "the lines of a run are there",
    );
    for (const fault of ["hangs", "is gone"] as const) {
      if (fault === "hangs") stores.pause("mongo");
      else {
        stores.resume("mongo");
        await stores.killMongo();
      }
      await send({ receivers: [receiver], count: Math.ceil(size / 4) });
      const page = await readLogs(play, logs, receiver, runId);
      must(page.error === "LOGS_UNAVAILABLE", `MongoDB ${fault}, and a page says ${page.error ?? "nothing of it"}`);
      within(page.ms, 2_500, `a page is answered while MongoDB ${fault}`);
      await settle(120);
    }
    must(
      (await count("select 1 from workflow_runs where status <> 'SUCCEEDED'")) === 0,
      "a run failed over its log lines",
    );
  },
});
