import {
  defaultFieldResolver,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  OperationTypeNode,
  SchemaMetaFieldDef,
  type SelectionNode,
  type SelectionSetNode,
  TypeMetaFieldDef,
} from "graphql";
import { LRUCache } from "lru-cache";
import { HasuraError } from "../hasura-error.ts";
import type { DocumentLimits } from "../limits.ts";
import { beyond, type Spent } from "../plan/document-budget.ts";

export type IntrospectionField = {
  readonly schema: GraphQLSchema;
  /** `__schema` or `__type`. */
  readonly node: FieldNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Readonly<Record<string, unknown>>;
};

type Run = {
  readonly field: IntrospectionField;
  count(): void;
};

/** Characters of all kept answers together. */
const KEPT_LENGTH_MAX = 16 * 1024 * 1024;

/** Answers by field of a plan: tools ask the same long question at each start. */
const kept = new LRUCache<IntrospectionField, { text: string; values: number }>({
  maxSize: KEPT_LENGTH_MAX,
  sizeCalculation: ({ text }) => text.length + 1,
});

/**
 * The answer to `__schema` or `__type`, computed or kept: both cost the same. Types lead to types in circles, so a short
 * document can ask for more than a process can hold. The usual question about all types of twenty tables is 70,000 values.
 */
export function answerIntrospection(
  field: IntrospectionField,
  spent: Spent,
  limits: Pick<DocumentLimits, "introspectionValues">,
): string {
  const charge = (values: number): void => {
    spent.introspectionValues += values;
    if (spent.introspectionValues > limits.introspectionValues)
      throw beyond(
        `the introspection asks for more than ${limits.introspectionValues} values`,
        `$.selectionSet.${field.node.name.value}`,
      );
  };
  const known = kept.get(field);
  if (known !== undefined) {
    charge(known.values);
    return known.text;
  }
  const before = spent.introspectionValues;
  const text = runIntrospection(field, () => charge(1));
  kept.set(field, { text, values: spent.introspectionValues - before });
  return text;
}

/** The answer to `__schema` or `__type` as JSON text, from graphql-js's own types of introspection. */
export function runIntrospection(field: IntrospectionField, count: () => void): string {
  const run: Run = { field, count };
  const { node, schema } = field;
  const definition = node.name.value === "__schema" ? SchemaMetaFieldDef : TypeMetaFieldDef;
  const parent = schema.getQueryType();
  try {
    if (parent === null || parent === undefined) return "null";
    return fieldText(run, parent, definition, [node], undefined);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new HasuraError("validation-failed", error.message, `$.selectionSet.${node.name.value}`);
  }
}

function fieldText(
  run: Run,
  parent: GraphQLObjectType,
  definition: GraphQLField<unknown, unknown>,
  nodes: readonly [FieldNode, ...FieldNode[]],
  source: unknown,
): string {
  const { schema, variables } = run.field;
  const [node] = nodes;
  const resolve = definition.resolve ?? defaultFieldResolver;
  const value: unknown = resolve(source, getArgumentValues(definition, node, variables), undefined, {
    fieldName: definition.name,
    fieldNodes: nodes,
    returnType: definition.type,
    parentType: parent,
    path: { prev: undefined, key: definition.name, typename: parent.name },
    schema,
    fragments: {},
    rootValue: undefined,
    operation: {
      kind: Kind.OPERATION_DEFINITION,
      operation: OperationTypeNode.QUERY,
      selectionSet: { kind: Kind.SELECTION_SET, selections: nodes },
    },
    variableValues: variables,
  });
  return complete(run, definition.type, nodes, value);
}

function complete(
  run: Run,
  type: GraphQLOutputType,
  nodes: readonly [FieldNode, ...FieldNode[]],
  value: unknown,
): string {
  if (isNonNullType(type)) return complete(run, type.ofType, nodes, value);
  run.count();
  if (value === undefined || value === null) return "null";
  if (isListType(type)) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    return `[${items.map((item) => complete(run, type.ofType, nodes, item)).join(",")}]`;
  }
  if (isLeafType(type)) return JSON.stringify(type.serialize(value));
  if (!isObjectType(type)) throw new Error(`${type.name} is no type of introspection`);
  const fields = new Map<string, [FieldNode, ...FieldNode[]]>();
  for (const { selectionSet } of nodes) if (selectionSet !== undefined) collect(run, selectionSet, fields, new Set());
  const members = [...fields].map(
    ([alias, below]) => `${JSON.stringify(alias)}:${memberText(run, type, below, value)}`,
  );
  return `{${members.join(",")}}`;
}

function memberText(
  run: Run,
  type: GraphQLObjectType,
  nodes: readonly [FieldNode, ...FieldNode[]],
  source: unknown,
): string {
  const name = nodes[0].name.value;
  if (name === "__typename") return JSON.stringify(type.name);
  const definition = type.getFields()[name];
  if (definition === undefined) throw new GraphQLError(`field '${name}' not found in type: '${type.name}'`);
  return fieldText(run, type, definition, nodes, source);
}

/** Fields by response key; a fragment is spread once in one selection set, as further times change nothing. */
function collect(
  run: Run,
  set: SelectionSetNode,
  fields: Map<string, [FieldNode, ...FieldNode[]]>,
  spread: Set<string>,
): void {
  for (const selection of set.selections) {
    run.count();
    if (!isIncluded(run, selection)) continue;
    if (selection.kind === Kind.FIELD) {
      const alias = selection.alias?.value ?? selection.name.value;
      const known = fields.get(alias);
      if (known === undefined) fields.set(alias, [selection]);
      else known.push(selection);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(run, selection.selectionSet, fields, spread);
    else {
      const name = selection.name.value;
      const fragment = run.field.fragments.get(name);
      if (fragment === undefined) throw new GraphQLError(`reference to undefined fragment "${name}"`);
      if (spread.has(name)) continue;
      spread.add(name);
      collect(run, fragment.selectionSet, fields, spread);
    }
  }
}

function isIncluded({ field: { variables } }: Run, selection: SelectionNode): boolean {
  return (
    getDirectiveValues(GraphQLSkipDirective, selection, variables)?.if !== true &&
    getDirectiveValues(GraphQLIncludeDirective, selection, variables)?.if !== false
  );
}
