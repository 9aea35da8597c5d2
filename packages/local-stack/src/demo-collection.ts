import { type OperationDefinitionNode, parse } from "graphql";
import * as connection from "./demo/connection-documents.ts";
import * as story from "./demo/documents.ts";

/** The operations of the demo as a query collection of Hasura's metadata. */
export const demoCollection = {
  name: "demo",
  definition: {
    queries: Object.values({ ...story, ...connection }).map((query) => ({ name: nameOf(query), query: `${query}\n` })),
  },
};

function nameOf(query: string): string {
  const operation = parse(query).definitions.find(
    (definition): definition is OperationDefinitionNode => definition.kind === "OperationDefinition",
  );
  if (operation?.name === undefined) throw new Error(`an operation without a name: ${query}`);
  return operation.name.value;
}
