import { findActionDisagreements } from "@control-plane/testkit";
import { expect, test } from "vitest";
import { allActions } from "../src/actions/all.ts";

test("hasura/metadata names exactly these actions, with their roles, arguments and output", () => {
  expect(findActionDisagreements("AUTH_ACTIONS_URL", allActions)).toEqual([]);
});
