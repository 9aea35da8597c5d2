import type { FragmentDefinitionNode } from "graphql";
import type { RoleSchema } from "../schema/role-schema.ts";
import type { DocumentBudget } from "./document-budget.ts";
import type { InputContext } from "./input-value.ts";

/** What planning one document needs everywhere. */
export type PlanContext = InputContext & {
  readonly schema: RoleSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The raw document, for actions. */
  readonly text: string;
  readonly budget: DocumentBudget;
};
