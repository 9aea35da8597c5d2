import {
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  type GraphQLInputType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  isInputType,
  isOutputType,
  Kind,
  parseType,
  type TypeNode,
} from "graphql";
import type { Action, CustomObject } from "../model/model.ts";
import type { OutputScope } from "./table-types.ts";
import { aggregateType, many, nonNull, selectArguments, tableType } from "./table-types.ts";
import { sorted } from "./type-registry.ts";

/** The root field of an action. */
export function actionField(scope: OutputScope, action: Action): GraphQLFieldConfig<unknown, unknown> {
  const args = Object.fromEntries(
    action.arguments.map(({ name, type, description }) => [
      name,
      { type: inputOf(scope, parseType(type)), description },
    ]),
  );
  return { type: outputOf(scope, parseType(action.outputType)), args: sorted(args), description: action.comment };
}

function inputOf(scope: OutputScope, node: TypeNode): GraphQLInputType {
  switch (node.kind) {
    case Kind.NON_NULL_TYPE: {
      const inner = inputOf(scope, node.type);
      return inner instanceof GraphQLNonNull ? inner : new GraphQLNonNull(inner);
    }
    case Kind.LIST_TYPE:
      return new GraphQLList(inputOf(scope, node.type));
    case Kind.NAMED_TYPE: {
      const named = namedInput(scope, node.name.value);
      if (!isInputType(named)) throw new Error(`${node.name.value} is no input type`);
      return named;
    }
  }
}

function namedInput(scope: OutputScope, name: string) {
  const { customTypes } = scope.model;
  const known = customTypes.inputObjects.get(name);
  if (known !== undefined) {
    return scope.types.input(name, known.description, () =>
      Object.fromEntries(
        known.fields.map((field) => [
          field.name,
          { type: inputOf(scope, parseType(field.type)), description: field.description },
        ]),
      ),
    );
  }
  return enumOrScalar(scope, name);
}

function enumOrScalar(scope: OutputScope, name: string) {
  const { customTypes } = scope.model;
  const known = customTypes.enums.get(name);
  if (known !== undefined)
    return scope.types.enumType(name, known.description, () =>
      Object.fromEntries(known.values.map(({ value, description }) => [value, { description }])),
    );
  return scope.types.get(name) ?? scope.types.scalar(name);
}

function outputOf(scope: OutputScope, node: TypeNode): GraphQLOutputType {
  switch (node.kind) {
    case Kind.NON_NULL_TYPE: {
      const inner = outputOf(scope, node.type);
      return inner instanceof GraphQLNonNull ? inner : new GraphQLNonNull(inner);
    }
    case Kind.LIST_TYPE:
      return new GraphQLList(outputOf(scope, node.type));
    case Kind.NAMED_TYPE: {
      const object = scope.model.customTypes.objects.get(node.name.value);
      if (object !== undefined) return objectType(scope, object);
      const named = enumOrScalar(scope, node.name.value);
      if (!isOutputType(named)) throw new Error(`${node.name.value} is no output type`);
      return named;
    }
  }
}

function objectType(scope: OutputScope, object: CustomObject): GraphQLObjectType {
  return scope.types.object(
    object.name,
    () =>
      new GraphQLObjectType({
        name: object.name,
        description: object.description,
        fields: () => sorted(objectFields(scope, object)),
      }),
  );
}

function objectFields(scope: OutputScope, object: CustomObject): GraphQLFieldConfigMap<unknown, unknown> {
  const { fieldBindings, access, model } = scope;
  const fields: GraphQLFieldConfigMap<unknown, unknown> = {};
  for (const field of object.fields) {
    fieldBindings.set(object.name, field.name, { kind: "action-field" });
    fields[field.name] = { type: outputOf(scope, parseType(field.type)), description: field.description };
  }
  for (const relationship of object.relationships) {
    const target = model.tables.get(relationship.target);
    const select = target === undefined ? undefined : access.of(target).select;
    if (target === undefined || select === undefined) continue;
    fieldBindings.set(object.name, relationship.name, {
      kind: "action-relationship",
      relationship,
      target,
      aggregate: false,
    });
    if (relationship.kind === "object") {
      fields[relationship.name] = { type: tableType(scope, target), description: "An object relationship" };
      continue;
    }
    fields[relationship.name] = {
      type: many(tableType(scope, target)),
      args: selectArguments(scope, target),
      description: "An array relationship",
    };
    if (!select.aggregations) continue;
    const aggregate = `${relationship.name}_aggregate`;
    fieldBindings.set(object.name, aggregate, { kind: "action-relationship", relationship, target, aggregate: true });
    fields[aggregate] = {
      type: nonNull(aggregateType(scope, target, select)),
      args: selectArguments(scope, target),
      description: "An aggregate relationship",
    };
  }
  return fields;
}
