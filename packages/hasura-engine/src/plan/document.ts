import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  isExecutableDefinitionNode,
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
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operation = pickOperation(operations, operationName);
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
    const name = definition.name.value;
    if (fragments.has(name)) throw new HasuraError("validation-failed", `multiple definitions for fragment "${name}"`);
    fragments.set(name, definition);
  }
  return { operation, fragments };
}

function parseText(text: string): DocumentNode {
  try {
    const document = parse(text, { noLocation: true, maxTokens: TOKENS_MAX });
    // Definitions of types are for schemas only.
    if (document.definitions.every(isExecutableDefinitionNode)) return document;
  } catch (error) {
    if (error instanceof GraphQLError && error.message.includes("tokens"))
      throw new HasuraError("bad-request", `the document has more than ${TOKENS_MAX} tokens`, "$.query");
  }
  throw new HasuraError("validation-failed", "not a valid graphql query", "$.query");
}

/**
 * Counts openers outside strings and comments, so that the parser's recursion stays bounded. Reads every character once,
 * also of a text whose strings never end: the parser refuses those.
 */
function refuseDeep(text: string): void {
  let depth = 0;
  for (let position = 0; position < text.length; position += 1) {
    const character = text[position];
    if (character === '"') position = endOfString(text, position);
    else if (character === "#") position = endOfLine(text, position);
    else if (character === "{" || character === "[" || character === "(") depth += 1;
    else if (character === "}" || character === "]" || character === ")") depth -= 1;
    if (depth > NESTING_MAX * 2)
      throw new HasuraError("bad-request", `the document is nested deeper than ${NESTING_MAX} levels`, "$.query");
  }
}

/** Position of a string's last character. */
function endOfString(text: string, start: number): number {
  if (text.startsWith('"""', start)) {
    let end = text.indexOf('"""', start + 3);
    while (end > 0 && text[end - 1] === "\\") end = text.indexOf('"""', end + 3);
    return end < 0 ? text.length : end + 2;
  }
  for (let position = start + 1; position < text.length; position += 1) {
    const character = text[position];
    if (character === "\\") position += 1;
    else if (character === '"' || character === "\n" || character === "\r") return position;
  }
  return text.length;
}

function endOfLine(text: string, start: number): number {
  let position = start;
  while (position < text.length && text[position] !== "\n" && text[position] !== "\r") position += 1;
  return position;
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
