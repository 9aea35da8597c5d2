import {
  findActionDisagreements,
  findLooseObjects,
  findTriggerDisagreements,
  findUnstorableTexts,
} from "@control-plane/testkit";
import { expect, test } from "vitest";
import { allActions } from "../src/actions/all.ts";
import { retention } from "../src/crons/retention.ts";
import { tick } from "../src/crons/tick.ts";
import { tenantLimitChanged } from "../src/events/tenant-limit-changed.ts";

test("hasura/metadata names exactly these actions, with their roles, arguments and output", () => {
  expect(findActionDisagreements("ORCHESTRATOR_URL", allActions)).toEqual([]);
});

test("hasura/metadata names exactly these event and cron triggers", () => {
  const served = { events: [tenantLimitChanged], crons: [retention, tick] };

  expect(findTriggerDisagreements("ORCHESTRATOR_URL", served)).toEqual([]);
});

test("every text argument is bounded and can be stored", () => {
  expect(allActions.flatMap(({ name, input }) => findUnstorableTexts(name, input))).toEqual([]);
});

test("no argument is taken that an action does not know", () => {
  expect(allActions.flatMap(({ name, input }) => findLooseObjects(name, input))).toEqual([]);
});
