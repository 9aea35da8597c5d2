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
  /** Counts fields after fragments are spread; throws when a small text means a huge document. */
  readonly countField: () => void;
};

const FIELDS_MAX = 20_000;

export function createFieldCounter(): () => void {
  let fields = 0;
  return () => {
    fields += 1;
    if (fields > FIELDS_MAX)
      throw new HasuraError("bad-request", `the document selects more than ${FIELDS_MAX} fields`, "$.query");
  };
}
