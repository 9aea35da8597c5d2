import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { z } from "zod";
import { createWebhookTrigger } from "../src/actions/create-webhook-trigger.ts";
import { schemeNames } from "../src/domain/schemes/all.ts";
import { readAnswer, test } from "./service.ts";

const run = promisify(execFile);
const page = readFileSync(join(import.meta.dirname, "../../../docs/webhooks-for-senders.md"), "utf8");

/** Every section of the page with variables and a command. */
const sections = page.split(/^## /m).flatMap((section) => {
  const variables = /^```json\n([\s\S]*?)^```/m.exec(section)?.[1];
  const command = /^```sh\n([\s\S]*?)^```/m.exec(section)?.[1];
  return variables === undefined || command === undefined
    ? []
    : [
        {
          title: section.split("\n")[0] ?? "",
          variables: z.looseObject({ scheme: z.string(), secret: z.string().optional() }).parse(JSON.parse(variables)),
          command,
        },
      ];
});

test("the page has a section for every scheme", () => {
  expect(sections.map(({ variables }) => variables.scheme).sort()).toEqual([...schemeNames].sort());
});

test.for(sections.map((section) => [section.title, section] as const))(
  "%s: the variables make a trigger, and the command is one run however often it is given",
  async ([, { variables, command }], { service, world, actions }) => {
    const acme = await world.tenant();
    const [caller, workflow] = [await acme.user("builder"), await acme.workflow()];
    const base = await service.server.listen({ host: "127.0.0.1", port: 0 });
    const at = Math.floor(Date.now() / 1000);
    const made = await actions.succeed(createWebhookTrigger, caller, { workflowId: workflow.id, ...variables });
    // The clock stands still, so that the second is the same where it is part of what is known again.
    const give = () => run("sh", ["-ec", `date() { echo ${at}; }\n${command}`], { env });
    const env = {
      PATH: process.env.PATH,
      HOOK_URL: `${base}/hooks/${made.webhookPath}`,
      SECRET: variables.secret ?? made.secret ?? "",
    };

    const answers = [await give(), await give()].map(({ stdout }) => readAnswer(0, {}, stdout).said);

    expect(answers).toEqual(["ACCEPTED", "DUPLICATE"]);
    expect(await acme.runs()).toHaveLength(1);
  },
);
