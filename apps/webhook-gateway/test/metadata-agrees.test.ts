import { findActionDisagreements } from "@control-plane/testkit";
import { expect, test } from "vitest";
import { allActions } from "../src/actions/all.ts";

test("hasura/metadata names exactly these actions, with their roles, arguments and output", () => {
  expect(findActionDisagreements("WEBHOOK_GATEWAY_URL", allActions)).toEqual([]);
});
