import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  parse,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";

export type Document = {
  readonly operation: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
};

const TOKENS_MAX = 100_000;
/** Braces, brackets and parentheses inside each other, in the text. */
const NESTING_MAX = 64;

/** Parses a text and picks its operation. Bounded in tokens and nesting before anything is built. */
export function readDocument(text: string, operationName: string | undefined): Document {
  refuseDeep(text);
  const document = parseText(text);
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const fragments = new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
  return { operation: pickOperation(operations, operationName), fragments };
}

function parseText(text: string): DocumentNode {
  try {
    return parse(text, { noLocation: true, maxTokens: TOKENS_MAX });
  } catch (error) {
    if (error instanceof GraphQLError && error.message.includes("tokens"))
      throw new HasuraError("bad-request", `the document has more than ${TOKENS_MAX} tokens`, "$.query");
    throw new HasuraError("validation-failed", "not a valid graphql query", "$.query");
  }
}

/** Counts openers outside strings and comments, so that the parser's recursion stays bounded. */
function refuseDeep(text: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(/"""(?:\\"""|[\s\S])*?"""|"(?:\\.|[^"\\\n])*"|#[^\n\r]*|[{}[\]()]/g)) {
    if (token === "{" || token === "[" || token === "(") depth += 1;
    else if (token === "}" || token === "]" || token === ")") depth -= 1;
    if (depth > NESTING_MAX * 2)
      throw new HasuraError("bad-request", `the document is nested deeper than ${NESTING_MAX} levels`, "$.query");
  }
}

function pickOperation(
  operations: readonly OperationDefinitionNode[],
  name: string | undefined,
): OperationDefinitionNode {
  const refuse = (message: string): never => {
    throw new HasuraError("validation-failed", message);
  };
  const [first] = operations;
  if (name !== undefined && name !== "") {
    if (operations.some((operation) => operation.name === undefined)) {
      return refuse("operationName cannot be used when an anonymous operation exists in the document");
    }
    return (
      operations.find((operation) => operation.name?.value === name) ??
      refuse(`no such operation found in the document: "${name}"`)
    );
  }
  if (first === undefined || operations.length > 1)
    return refuse("exactly one operation has to be present in the document when operationName is not specified");
  return first;
}

export const SELECTION_NESTING_MAX = NESTING_MAX;
