import { test } from "@control-plane/testkit";
import { expect } from "vitest";
import { cancelRun } from "../src/index.ts";
import { holdRun } from "./held-run.ts";

test("a cancel and the runner's success at the same moment end in success, never in both", async ({ db, world }) => {
  const tenant = await world.tenant();
  const owner = await tenant.user("owner");
  const workflow = await tenant.workflow();
  const caller = { userId: owner.id, tenantId: tenant.id, role: "owner" as const, requestId: "test" };

  for (let round = 0; round < 20; round++) {
    const held = await holdRun(db.db, workflow);

    const [cancelled, ended] = await Promise.all([
      cancelRun(db.db, caller, held.run.id),
      held.report({ seq: 1, type: "run.succeeded", output: 1 }),
    ]);

    expect(["CANCELLING", "ALREADY_TERMINAL"]).toContain(cancelled.outcome);
    expect(ended).toMatchObject({ outcome: "applied", status: "SUCCEEDED" });
    expect(await held.run.row()).toMatchObject({ status: "SUCCEEDED", output: 1, leaseExpiresAt: null });
    expect((await held.run.steps()).map(({ status }) => status)).toEqual(["SKIPPED"]);
  }
});
