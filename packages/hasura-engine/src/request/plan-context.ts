import type { FragmentDefinitionNode } from "graphql";
import { HasuraError } from "../hasura-error.ts";
import type { RoleSchema } from "../schema/role-schema.ts";
import type { InputContext } from "./input-value.ts";

/** What planning one document needs everywhere. */
export type PlanContext = InputContext & {
  readonly schema: RoleSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The raw document, for actions. */
  readonly text: string;
  /** Counts fields and spreads as often as they are met; throws when a small text means a huge document. */
  readonly countSelection: () => void;
};

const SELECTIONS_MAX = 20_000;

export function createSelectionCounter(): { readonly count: () => void; readonly total: () => number } {
  let selections = 0;
  return {
    count() {
      selections += 1;
      if (selections > SELECTIONS_MAX)
        throw new HasuraError("bad-request", `the document selects more than ${SELECTIONS_MAX} fields`, "$.query");
    },
    total: () => selections,
  };
}
