import {
  findActionDisagreements,
  findLooseObjects,
  findTriggerDisagreements,
  findUnstorableTexts,
} from "@control-plane/testkit";
import { expect, test } from "vitest";
import { allActions } from "../src/actions/all.ts";
import { expireInvitations } from "../src/crons/expire-invitations.ts";
import { invitationCreated } from "../src/events/invitation-created.ts";

test("hasura/metadata names exactly these actions, with their roles, arguments and output", () => {
  expect(findActionDisagreements("AUTH_ACTIONS_URL", allActions)).toEqual([]);
});

test("hasura/metadata names exactly these event and cron triggers", () => {
  const served = { events: [invitationCreated], crons: [expireInvitations] };

  expect(findTriggerDisagreements("AUTH_ACTIONS_URL", served)).toEqual([]);
});

test("every text argument is bounded and can be stored", () => {
  expect(allActions.flatMap(({ name, input }) => findUnstorableTexts(name, input))).toEqual([]);
});

test("no argument is taken that an action does not know", () => {
  expect(allActions.flatMap(({ name, input }) => findLooseObjects(name, input))).toEqual([]);
});
