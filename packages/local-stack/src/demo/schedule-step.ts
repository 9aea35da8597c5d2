import { z } from "zod";
import { CORE_ACTIONS, CREATE_SCHEDULE, CREATE_WORKFLOW, PUBLISH, SAVE_DRAFT } from "./documents.ts";
import { expectData, type GraphqlClient } from "./graphql-client.ts";
import type { Telling } from "./story.ts";

const withId = z.object({ id: z.uuid() });
const scheduleSchema = z.object({
  createScheduleTrigger: z.object({ nextFires: z.array(z.iso.datetime()).length(5) }),
});

const RHYTHM = { cron: "30 2 * * *", timezone: "Europe/Berlin" };

/** A workflow that a clock starts. It writes into its log for which time it was started. */
export async function createSchedule(graphql: GraphqlClient, token: string, tag: string): Promise<Telling> {
  const ask = async <T>(schema: z.ZodType<T>, document: string, variables: Record<string, unknown>): Promise<T> =>
    expectData(schema, await graphql(document, variables, token));
  const { actions } = await ask(z.object({ actions: z.array(withId.extend({ key: z.string() })) }), CORE_ACTIONS, {});
  const log = actions.find(({ key }) => key === "log")?.id;
  const created = await ask(z.object({ insert_workflows_one: withId }), CREATE_WORKFLOW, { name: `Nightly ${tag}` });
  const workflowId = created.insert_workflows_one.id;
  const message = { $text: ["started for ", { $ref: "/trigger/scheduledFor" }] };
  const definition = { schemaVersion: 1, steps: [{ key: "note", actionId: log, input: { level: "INFO", message } }] };
  await ask(z.unknown(), SAVE_DRAFT, { workflowId, definition });
  await ask(z.unknown(), PUBLISH, { workflowId });
  const { nextFires } = (await ask(scheduleSchema, CREATE_SCHEDULE, { workflowId, ...RHYTHM })).createScheduleTrigger;
  return {
    who: "owner Ada",
    call: `Hasura: createScheduleTrigger, ${RHYTHM.cron} in ${RHYTHM.timezone}`,
    answer: `fires ${nextFires.map((fire) => `${fire.slice(0, 16)}Z`).join(", ")}, …`,
    proves: "each slot of a wall clock starts one run, also when clocks change and with any number of orchestrators",
  };
}
