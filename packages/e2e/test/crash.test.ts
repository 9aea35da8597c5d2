import { postWebhook, type ServiceName, signedWebhook } from "@control-plane/local-stack";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type ControlPlane,
  createTrigger,
  publishWorkflow,
  RUNS_ELSEWHERE,
  registerTenant,
  startControlPlane,
} from "./control-plane.ts";

const WEBHOOKS = 100;
const acceptedSchema = z.object({ deliveryId: z.uuid(), runId: z.uuid() });

/** Times are shortened so that a lost runner is noticed within seconds. */
const overrides = {
  orchestrator: {
    LEASE_SECONDS: "4",
    HEARTBEAT_SECONDS: "1",
    SWEEP_INTERVAL_MS: "500",
    QUEUED_CHECK_SECONDS: "3",
    CANCEL_GRACE_SECONDS: "2",
  },
  "webhook-gateway": { HOOK_RATE_PER_PATH: "0", HOOK_RATE_PER_ADDRESS: "0" },
};

describe.skipIf(RUNS_ELSEWHERE)("kill -9 in the middle of 100 webhooks", () => {
  let plane: ControlPlane;
  let trigger: { url: string; secret: string };

  beforeAll(async () => {
    plane = await startControlPlane(overrides);
    const { token } = await registerTenant(plane, "acme");
    const { workflowId } = await publishWorkflow(
      plane,
      token,
      [
        { key: "one", action: "echo", input: { n: { $ref: "/input/n" } } },
        { key: "two", action: "sleep", dependsOn: ["one"], input: { seconds: 0.2 } },
      ],
      { retry: { maxAttempts: 5, initialDelaySeconds: 1, factor: 1, maxDelaySeconds: 1 } },
    );
    trigger = await createTrigger(plane, token, workflowId);
  });
  afterAll(async () => plane?.close());

  /** As a real sender: the same id again until a 2xx, so that an answer lost in a crash is asked for again. */
  async function deliver(n: number): Promise<string> {
    const body = JSON.stringify({ n });
    const headers = signedWebhook(trigger.secret, body);
    let answered: string | undefined;
    await expect
      .poll(
        async () => {
          const reply = await postWebhook(trigger.url, headers, body).catch(() => undefined);
          if (reply === undefined || reply.status >= 300) return reply?.status ?? "no connection";
          answered = acceptedSchema.parse(reply.body).runId;
          return "accepted";
        },
        { timeout: 60_000, interval: 200 },
      )
      .toBe("accepted");
    return answered ?? "";
  }

  async function countRuns(): Promise<number> {
    const { rows } = await plane.sql.query<{ count: number }>("select count(*)::int from workflow_runs");
    return rows[0]?.count ?? 0;
  }

  test.each<ServiceName>(["webhook-gateway", "orchestrator", "runner"])(
    "of the %s loses and doubles nothing",
    async (name) => {
      const before = await countRuns();
      const killer = expect
        .poll(countRuns, { interval: 10 })
        .toBeGreaterThan(before + 20)
        .then(() => plane.kill(name));
      const runIds = await Promise.all(Array.from({ length: WEBHOOKS }, (_, n) => deliver(n)));
      await killer;

      await expect
        .poll(
          async () =>
            (
              await plane.sql.query<{ open: number }>(
                "select count(*)::int as open from workflow_runs where id = any($1) and finished_at is null",
                [runIds],
              )
            ).rows[0]?.open,
          { timeout: 90_000, interval: 250 },
        )
        .toBe(0);
      const facts = await plane.sql.query(
        `select count(distinct r.id)::int as runs, count(distinct r.webhook_delivery_id)::int as deliveries,
              count(*) filter (where r.status = 'SUCCEEDED')::int as succeeded
         from workflow_runs r where r.id = any($1)`,
        [runIds],
      );
      expect(new Set(runIds).size).toBe(WEBHOOKS);
      expect(facts.rows).toEqual([{ runs: WEBHOOKS, deliveries: WEBHOOKS, succeeded: WEBHOOKS }]);
      const orphans = await plane.sql.query(
        "select d.id from webhook_deliveries d left join workflow_runs r on r.webhook_delivery_id = d.id where r.id is null",
      );
      expect(orphans.rows).toEqual([]);
    },
  );
});
