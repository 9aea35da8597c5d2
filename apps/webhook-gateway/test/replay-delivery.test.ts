import { randomBytes, randomUUID } from "node:crypto";
import type { TestUser } from "@control-plane/testkit";
import { expect } from "vitest";
import { replayDelivery } from "../src/actions/replay-delivery.ts";
import { send, test as serviceTest } from "./service.ts";

/** A delivery that was accepted. */
const test = serviceTest.extend("deliver", async ({ service, world, addHook }) => {
  return async (body: string, headers: Record<string, string> = {}) => {
    const acme = await world.tenant();
    const workflow = await acme.workflow();
    const hook = await addHook(workflow);
    const { deliveryId = "", runId = "" } = await send(service, hook, body, { headers });
    return { acme, workflow, hook, deliveryId, runId };
  };
});

test.for(["owner", "admin", "builder"] as const)(
  "%s: a stored delivery runs again on the version that is latest now, once for each call",
  async (role, { deliver, actions, db }) => {
    const { acme, workflow, hook, deliveryId, runId } = await deliver('{"big":9007199254740993}');
    const caller = await acme.user(role);
    const next = await workflow.publish();

    const replays = [
      await actions.succeed(replayDelivery, caller, { deliveryId }),
      await actions.succeed(replayDelivery, caller, { deliveryId }),
    ];

    const { rows } = await db.pool.query(
      `select id, status, source, tenant_id, trigger_id, webhook_delivery_id, workflow_version_id, input ->> 'big' as big,
              created_by, retry_of_run_id from workflow_runs where id <> $1 order by change_seq`,
      [runId],
    );
    expect(rows).toEqual(
      replays.map(({ runId: id }) => ({
        id,
        status: "PENDING",
        source: "REPLAY",
        tenant_id: acme.id,
        trigger_id: hook.id,
        webhook_delivery_id: deliveryId,
        workflow_version_id: next.id,
        big: "9007199254740993",
        created_by: caller.id,
        retry_of_run_id: null,
      })),
    );
    const trail = (await acme.audit()).filter(({ actorId }) => actorId === caller.id);
    expect(trail).toMatchObject(
      replays.map(({ runId: targetId }) => ({ action: "workflow_run.created", targetId, source: "webhook-gateway" })),
    );
  },
);

test.for<[string, string, Record<string, string>, unknown]>([
  ["a form", "a=1&a=2&b=x", { "content-type": "application/x-www-form-urlencoded" }, { a: ["1", "2"], b: "x" }],
  ["bytes", "\u0001", { "content-type": "image/png" }, { contentType: "image/png", base64: "AQ==" }],
  ["nothing", "", { "content-type": "" }, null],
])("%s: the input is that of the first run", async ([, body, headers, input], { deliver, actions, db }) => {
  const { acme, deliveryId } = await deliver(body, headers);

  await actions.succeed(replayDelivery, await acme.user("owner"), { deliveryId });

  const { rows } = await db.pool.query("select input from workflow_runs");
  expect(rows).toEqual([{ input }, { input }]);
});

test("a disabled trigger's delivery runs again, one of an archived or unpublished workflow does not", async ({
  deliver,
  actions,
  db,
}) => {
  const { acme, deliveryId } = await deliver("{}");
  const caller = await acme.user("owner");
  const replay = () => actions.call(replayDelivery, caller, { deliveryId });

  await db.pool.query("update triggers set enabled = false");
  expect((await replay()).outcome).toBe("done");
  await db.pool.query("update workflow_versions set is_latest = false");
  expect(await replay()).toBeRefused("WORKFLOW_NOT_PUBLISHED");
  await db.pool.query("update workflow_versions set is_latest = true");
  await db.pool.query("update workflows set archived_at = now()");
  expect(await replay()).toBeRefused("WORKFLOW_NOT_PUBLISHED");

  expect(await acme.runs()).toHaveLength(2);
});

test.for<[string, string, () => unknown]>([
  ["does not open", "body_cipher", () => randomBytes(64)],
  ["is not the one that came", "body_hash", () => randomBytes(32)],
])("a body that %s runs nothing, and is a fault of ours", async ([, column, value], { deliver, actions, db }) => {
  const { acme, deliveryId } = await deliver("{}");
  await db.pool.query(`update webhook_deliveries set ${column} = $1`, [value()]);

  const reply = await actions.call(replayDelivery, await acme.user("owner"), { deliveryId });

  expect(reply).toMatchObject({ outcome: "refused", code: "INTERNAL" });
  expect(await acme.runs()).toHaveLength(1);
});

test("neither a viewer, a removed member nor nobody replays, nor anybody what is not his tenant's delivery", async ({
  deliver,
  world,
  actions,
  db,
}) => {
  const { acme, deliveryId } = await deliver("{}");
  const globex = await world.tenant();
  const [owner, viewer, removed] = [await acme.user("owner"), await acme.user("viewer"), await acme.user("builder")];
  await db.pool.query("update memberships set status = 'REMOVED', removed_at = now() where user_id = $1", [removed.id]);
  const call = (caller: TestUser | "anonymous", id = deliveryId) =>
    actions.call(replayDelivery, caller, { deliveryId: id });

  expect(await call(viewer)).toBeRefused("FORBIDDEN");
  expect((await call(removed)).outcome).toBe("refused");
  expect((await call("anonymous")).outcome).toBe("refused");
  expect(await call(await globex.user("owner"))).toBeRefused("NOT_FOUND");
  expect(await call(owner, randomUUID())).toBeRefused("NOT_FOUND");
  expect(await call(owner, "x")).toBeRefused("BAD_INPUT");
  expect(await acme.runs()).toHaveLength(1);
});
