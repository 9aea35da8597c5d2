import { findActionDisagreements, findLooseObjects, findUnstorableTexts } from "@control-plane/testkit";
import { expect, test } from "vitest";
import { allActions } from "../src/actions/all.ts";

test("hasura/metadata names exactly these actions, with their roles, arguments and output", () => {
  expect(findActionDisagreements("WEBHOOK_GATEWAY_URL", allActions)).toEqual([]);
});

test("every text argument is bounded and can be stored", () => {
  expect(allActions.flatMap(({ name, input }) => findUnstorableTexts(name, input))).toEqual([]);
});

test("no argument is taken that an action does not know", () => {
  expect(allActions.flatMap(({ name, input }) => findLooseObjects(name, input))).toEqual([]);
});
