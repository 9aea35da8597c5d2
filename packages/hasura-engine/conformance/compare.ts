import { type DocumentNode, type FieldNode, Kind, parse, type SelectionSetNode } from "graphql";
import { isJsonObject, type Json, printJson } from "./exact-json.ts";

/** Undefined = equal; else where and how the answers differ. */
export type Difference = string | undefined;

/** `request` tells which objects are selection sets, whose key order counts; json values have none. */
export function compareAnswers(expected: Json, got: Json, request: Json): { strict: Difference; messages: boolean } {
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length)
      return { strict: "$: another number of answers", messages: false };
    const parts = expected.map((item, index) =>
      compareAnswers(item, got[index] ?? null, Array.isArray(request) ? (request[index] ?? null) : null),
    );
    return {
      strict: parts.find((part) => part.strict !== undefined)?.strict,
      messages: parts.every((part) => part.messages),
    };
  }
  const [want, have] = [members(expected), members(got)];
  if (want.errors !== undefined) {
    const strict =
      compareErrors(want.errors, have.errors) ?? compareData(want.data ?? null, have.data ?? null, undefined, "$.data");
    return { strict, messages: strict === undefined && sameMessages(want.errors, have.errors ?? null) };
  }
  if (have.errors !== undefined)
    return { strict: `$.errors: none expected, got ${printJson(have.errors).slice(0, 400)}`, messages: false };
  const strict = compareData(want.data ?? null, have.data ?? null, selectionOf(request), "$.data");
  return { strict, messages: strict === undefined };
}

function members(answer: Json): { readonly [key: string]: Json } {
  return isJsonObject(answer) ? answer : {};
}

function compareErrors(want: Json, have: Json | undefined): Difference {
  if (!Array.isArray(want) || !Array.isArray(have)) return "$.errors: expected errors, got none";
  if (want.length !== have.length) return `$.errors: expected ${want.length}, got ${have.length}`;
  for (const [index, error] of want.entries()) {
    for (const key of ["code", "path"]) {
      const [a, b] = [extension(error, key), extension(have[index] ?? null, key)];
      const difference = compareData(a, b, undefined, `$.errors[${index}].extensions.${key}`);
      if (difference !== undefined) return difference;
    }
  }
  return undefined;
}

function extension(error: Json, key: string): Json {
  return members(members(error).extensions ?? null)[key] ?? null;
}

function sameMessages(want: Json, have: Json): boolean {
  if (!Array.isArray(want) || !Array.isArray(have)) return false;
  return want.every((error, index) => members(error).message === members(have[index] ?? null).message);
}

type Selection = ReadonlyMap<string, Selection | undefined>;

function compareData(want: Json, have: Json, selection: Selection | undefined, path: string): Difference {
  if (Array.isArray(want)) {
    if (!Array.isArray(have)) return `${path}: expected a list, got ${printJson(have).slice(0, 200)}`;
    if (want.length !== have.length) return `${path}: expected ${want.length} items, got ${have.length}`;
    for (const [index, item] of want.entries()) {
      const difference = compareData(item, have[index] ?? null, selection, `${path}[${index}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (isJsonObject(want)) return compareObjects(want, have, selection, path);
  return sameScalar(want, have)
    ? undefined
    : `${path}: expected ${printJson(want)}, got ${printJson(have).slice(0, 200)}`;
}

function compareObjects(
  want: { readonly [key: string]: Json },
  have: Json,
  selection: Selection | undefined,
  path: string,
): Difference {
  if (!isJsonObject(have)) return `${path}: expected an object, got ${printJson(have).slice(0, 200)}`;
  const [wanted, given] = [Object.keys(want), Object.keys(have)];
  const ordered = selection !== undefined;
  const sameKeys = ordered
    ? wanted.join("\n") === given.join("\n")
    : [...wanted].sort().join("\n") === [...given].sort().join("\n");
  if (!sameKeys) return `${path}: expected keys ${wanted.join(" ")}, got ${given.join(" ")}`;
  for (const key of wanted) {
    const difference = compareData(want[key] ?? null, have[key] ?? null, selection?.get(key), `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** Integers exactly, other numbers as doubles. */
function sameScalar(want: Json, have: Json): boolean {
  if (typeof want === "bigint" && typeof have === "bigint") return want === have;
  if (isNumber(want) && isNumber(have)) return Number(want) === Number(have);
  return want === have;
}

function isNumber(value: Json): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function selectionOf(request: Json): Selection | undefined {
  const { query, operationName } = members(request);
  if (typeof query !== "string") return undefined;
  try {
    const document = parse(query);
    const operation = document.definitions.find(
      (definition) =>
        definition.kind === Kind.OPERATION_DEFINITION &&
        (typeof operationName !== "string" || definition.name?.value === operationName),
    );
    return operation?.kind === Kind.OPERATION_DEFINITION ? collect(document, operation.selectionSet) : undefined;
  } catch {
    return undefined;
  }
}

function collect(document: DocumentNode, set: SelectionSetNode): Selection {
  const fields = new Map<string, Selection | undefined>();
  const visit = (selections: SelectionSetNode): void => {
    for (const selection of selections.selections) {
      if (selection.kind === Kind.FIELD) addField(selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT) visit(selection.selectionSet);
      else {
        const fragment = document.definitions.find(
          (definition) =>
            definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value,
        );
        if (fragment?.kind === Kind.FRAGMENT_DEFINITION) visit(fragment.selectionSet);
      }
    }
  };
  const addField = (field: FieldNode): void => {
    const key = field.alias?.value ?? field.name.value;
    const below = field.selectionSet === undefined ? undefined : collect(document, field.selectionSet);
    const seen = fields.get(key);
    fields.set(key, seen !== undefined && below !== undefined ? new Map([...seen, ...below]) : (seen ?? below));
  };
  visit(set);
  return fields;
}
