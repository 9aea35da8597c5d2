import {
  type ConstValueNode,
  executeSync,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  Kind,
  OperationTypeNode,
  parse,
  type ValueNode,
  visit,
} from "graphql";
import { HasuraError } from "../hasura-error.ts";

export type IntrospectionField = {
  readonly schema: GraphQLSchema;
  /** `__schema` or `__type`. */
  readonly node: FieldNode;
  /** Texts of the document's fragment definitions. */
  readonly fragments: readonly string[];
  readonly variables: Readonly<Record<string, unknown>>;
};

/** Answers `__schema` or `__type` as JSON text; the only fields that graphql-js executes. */
export function runIntrospection({ schema, node, fragments, variables }: IntrospectionField): string {
  const filled = visit(node, { Variable: ({ name }) => literal(variables[name.value]) });
  const result = executeSync({
    schema,
    document: {
      kind: Kind.DOCUMENT,
      definitions: [
        {
          kind: Kind.OPERATION_DEFINITION,
          operation: OperationTypeNode.QUERY,
          selectionSet: { kind: Kind.SELECTION_SET, selections: [filled] },
        },
        ...fragments.flatMap((text) => fragmentsOf(text, variables)),
      ],
    },
  });
  const [error] = result.errors ?? [];
  if (error !== undefined)
    throw new HasuraError("validation-failed", error.message, `$.selectionSet.${node.name.value}`);
  return JSON.stringify(result.data?.[node.alias?.value ?? node.name.value] ?? null);
}

function fragmentsOf(text: string, variables: Readonly<Record<string, unknown>>): FragmentDefinitionNode[] {
  return parse(text, { noLocation: true }).definitions.flatMap((definition) =>
    definition.kind === Kind.FRAGMENT_DEFINITION
      ? [visit(definition, { Variable: ({ name }) => literal(variables[name.value]) })]
      : [],
  );
}

/** Introspection takes only names and booleans. */
function literal(value: unknown): ValueNode & ConstValueNode {
  if (typeof value === "boolean") return { kind: Kind.BOOLEAN, value };
  if (typeof value === "string") return { kind: Kind.STRING, value };
  return { kind: Kind.NULL };
}
