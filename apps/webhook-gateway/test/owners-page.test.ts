import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { z } from "zod";
import { allActions } from "../src/actions/all.ts";
import { send, test } from "./service.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/webhooks-for-owners.md"), "utf8");

/** The operations of the page that are actions of this service, with the variables below each. */
const operations = [...page.matchAll(/```graphql\n([\s\S]*?)```\n\n```json\n([\s\S]*?)```/g)].flatMap(
  ([, document = "", variables = ""]) => {
    const [, field, fields = ""] = /\{\n {2}(\w+)\([^)]*\) \{([\w ]+)\}/.exec(document) ?? [];
    const action = allActions.find(({ name }) => name === field);
    return action === undefined ? [] : [{ action, fields: fields.trim().split(" "), variables }];
  },
);

test("the page shows every action on a trigger that exists", () => {
  expect(operations.map(({ action }) => action.name).sort()).toEqual(
    allActions
      .map(({ name }) => name)
      .filter((name) => name !== "createWebhookTrigger")
      .sort(),
  );
});

test.for(operations.map((operation) => [operation.action.name, operation] as const))(
  "%s: the variables of the page fit, and the answer has what is asked for",
  async ([, { action, fields, variables }], { service, world, actions, addHook }) => {
    const acme = await world.tenant();
    const hook = await addHook(await acme.workflow());
    const { deliveryId = "" } = await send(service, hook, "{}");
    const filled = variables.replace("<triggerId>", hook.id).replace("<deliveryId>", deliveryId);

    const answer = await actions.succeed(action, await acme.user("builder"), z.json().parse(JSON.parse(filled)));

    expect(Object.keys(answer)).toEqual(expect.arrayContaining(fields));
    expect(Object.values(answer)).not.toContain(null);
  },
);
