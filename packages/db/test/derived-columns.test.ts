import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { actions, appVersions, emails, tenants, triggers, workflowRuns } from "../src/index.ts";
import { outcomeOf, useOwnDatabase } from "./own-database.ts";
import { addApp, addRunnable, addSchedule, addTenant, newRun } from "./rows.ts";

const own = useOwnDatabase();

test("updated_at follows the database's clock, whatever is given", async () => {
  const tenant = await addTenant(own.db);

  const [row] = await own.db
    .update(tenants)
    .set({ name: "Other", updatedAt: new Date(0) })
    .where(eq(tenants.id, tenant.id))
    .returning();

  expect(row?.updatedAt.getTime()).toBeGreaterThanOrEqual(tenant.updatedAt.getTime());
});

test("app versions and actions carry their app's tenant, whatever is given", async () => {
  const [tenant, other] = [await addTenant(own.db), await addTenant(own.db)];
  const { app } = await addApp(own.db, tenant.id);

  const [version] = await own.db
    .insert(appVersions)
    .values({ appId: app.id, tenantId: other.id, version: "1.1.0", authType: "NONE" })
    .returning();
  const [action] = await own.db
    .insert(actions)
    .values({ appVersionId: version?.id ?? "", tenantId: other.id, key: "k", name: "K" })
    .returning();

  expect([version?.tenantId, action?.tenantId]).toEqual([tenant.id, tenant.id]);
});

test("a workflow run that is inserted wakes the dispatcher once per statement", async () => {
  const runnable = await addRunnable(own.db);
  const heard = await own.as("cp_orchestrator", async (client) => {
    const channels: string[] = [];
    client.on("notification", (message) => channels.push(message.channel));
    await client.query("listen runs_pending; listen emails_queued");
    await own.db.insert(workflowRuns).values([newRun(runnable), newRun(runnable), newRun(runnable)]);
    await own.db.insert(emails).values({ kind: "PASSWORD_RESET", recipient: "a@example.com" });
    await expect.poll(() => channels.length).toBe(2);
    return channels;
  });

  expect(heard).toEqual(["runs_pending", "emails_queued"]);
});

test.each([
  ["enabled", { enabled: false }],
  ["cron", { cron: "5 5 * * *" }],
  ["timezone", { timezone: "Europe/Berlin" }],
])("a change of %s forgets the next slot", async (_column, change) => {
  const { workflow } = await addRunnable(own.db);
  const schedule = await addSchedule(own.db, workflow);
  await own.db.update(triggers).set({ nextFireAt: new Date() }).where(eq(triggers.id, schedule.id));

  const [row] = await own.db.update(triggers).set(change).where(eq(triggers.id, schedule.id)).returning();

  expect(row?.nextFireAt).toBeNull();
});

test("a change of the name keeps the next slot", async () => {
  const { workflow } = await addRunnable(own.db);
  const schedule = await addSchedule(own.db, workflow);
  await own.db.update(triggers).set({ nextFireAt: new Date() }).where(eq(triggers.id, schedule.id));

  const [row] = await own.db.update(triggers).set({ name: "other" }).where(eq(triggers.id, schedule.id)).returning();

  expect(row?.nextFireAt).not.toBeNull();
});

test("a webhook trigger without a secret is refused unless it is unsigned", async () => {
  const { workflow } = await addRunnable(own.db);
  const webhook = (path: string, scheme: "NONE" | "GITHUB") => ({
    tenantId: workflow.tenantId,
    workflowId: workflow.id,
    name: "hook",
    type: "WEBHOOK" as const,
    webhookPath: path.padEnd(22, "x"),
    signatureScheme: scheme,
    signatureConfig: {},
    toleranceSeconds: 300,
  });

  const outcomes = [
    await outcomeOf(own.db.insert(triggers).values(webhook("a", "NONE"))),
    await outcomeOf(own.db.insert(triggers).values(webhook("b", "GITHUB"))),
    await outcomeOf(own.db.insert(triggers).values({ ...webhook("c", "NONE"), cron: "* * * * *" })),
  ];

  expect(outcomes).toEqual([
    "done",
    expect.stringContaining("triggers_webhook_columns"),
    expect.stringContaining("triggers_schedule_columns"),
  ]);
});

test("when a trigger goes, its runs stay and forget it, with their tenant untouched", async () => {
  const runnable = await addRunnable(own.db);
  const schedule = await addSchedule(own.db, runnable.workflow);
  const [run] = await own.db
    .insert(workflowRuns)
    .values({ ...newRun(runnable, "SCHEDULE"), triggerId: schedule.id })
    .returning();

  await own.db.execute(sql`delete from triggers where id = ${schedule.id}`);

  const [row] = await own.db
    .select()
    .from(workflowRuns)
    .where(eq(workflowRuns.id, run?.id ?? ""));
  expect([row?.triggerId, row?.tenantId]).toEqual([null, runnable.tenant.id]);
});
