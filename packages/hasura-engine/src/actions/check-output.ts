import { Kind, parseType, type TypeNode } from "graphql";
import { HasuraError } from "../hasura-error.ts";
import { isJsonList, isJsonNumber, isJsonObject, type Json, type JsonObject } from "../json/exact-json.ts";
import type { CustomObject, CustomTypes } from "../model/model.ts";

/** Checks a handler's answer against its output type, whatever the client selected. Throws `unexpected`. */
export function checkOutput(value: Json, outputType: string, types: CustomTypes): void {
  checkValue(value, parseType(outputType), types);
}

function checkValue(value: Json, type: TypeNode, types: CustomTypes): void {
  if (type.kind === Kind.NON_NULL_TYPE) {
    if (value === null) throw unexpected("got null for the action webhook response");
    checkValue(value, type.type, types);
    return;
  }
  if (value === null) return;
  if (type.kind === Kind.NAMED_TYPE) {
    checkNamed(value, type.name.value, types);
    return;
  }
  if (!isJsonList(value)) throw unexpected("expecting array for the action webhook response");
  for (const item of value) checkValue(item, type.type, types);
}

function checkNamed(value: Json, name: string, types: CustomTypes): void {
  const object = types.objects.get(name);
  const enumValues = types.enums.get(name)?.values;
  const accepts = BUILT_IN_SCALARS.get(name);
  if (object === undefined && enumValues === undefined && accepts === undefined) return;
  if (isJsonList(value)) throw unexpected(`got array for the action webhook response, expecting ${name}`);
  if (isJsonObject(value)) {
    if (object === undefined) throw unexpected(`got object for the action webhook response, expecting ${name}`);
    checkFields(value, object, types);
    return;
  }
  const isEnumValue = enumValues?.some((candidate) => candidate.value === value) === true;
  if (accepts?.(value) === true || isEnumValue) return;
  const kind = typeof value === "boolean" ? "Boolean" : "String";
  throw unexpected(`got scalar ${kind} for the action webhook response, expecting ${name}`);
}

const isNumber = (value: Json): boolean => isJsonNumber(value);
const BUILT_IN_SCALARS: ReadonlyMap<string, (value: Json) => boolean> = new Map([
  ["Int", isNumber],
  ["Float", isNumber],
  ["Boolean", (value: Json) => typeof value === "boolean"],
  ["String", (value: Json) => typeof value === "string"],
  ["ID", (value: Json) => typeof value === "string" || isNumber(value)],
]);

function checkFields(value: JsonObject, object: CustomObject, types: CustomTypes): void {
  for (const field of object.fields) {
    const type = parseType(field.type);
    const given = value.get(field.name);
    if (type.kind === Kind.NON_NULL_TYPE) {
      if (given === undefined) throw unexpected(`field "${field.name}" expected in webhook response, but not found`);
      if (given === null) throw unexpected(`expecting not null value for field "${field.name}"`);
    }
    if (given !== undefined) checkValue(given, type, types);
  }
}

function unexpected(message: string): HasuraError {
  return new HasuraError("unexpected", message);
}
