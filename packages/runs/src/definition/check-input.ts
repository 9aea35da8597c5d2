import { isJsonObject, type JsonObject, type JsonValue } from "@control-plane/queue/json-value";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";
import { type JsonType, propertyOf, type Schema, typesOf } from "./json-schema.ts";
import type { KnownSchemas } from "./known-schemas.ts";
import { isLiteral, type Operator, readOperator } from "./operators.ts";
import type { Problem } from "./problem.ts";
import { validateValue } from "./validate-value.ts";

/** How a step's input is sure to violate what its action wants; what may fit is no problem. */
export function checkInput(wanted: Schema, value: JsonValue, at: string, schemas: KnownSchemas): Problem[] {
  const operator = readOperator(value);
  if (operator !== undefined) return checkOperator(wanted, operator, at, schemas);
  if (isJsonObject(value)) return checkObject(wanted, value, at, schemas);
  if (!Array.isArray(value) || isLiteral(value)) return checkLiteral(wanted, value, at);
  const { items } = wanted;
  return [
    ...checkType(wanted, ["array"], at),
    ...(items === undefined
      ? []
      : value.flatMap((item, index) => checkInput(items, item, at + jsonPointer(index), schemas))),
  ];
}

function checkOperator(wanted: Schema, operator: Operator, at: string, schemas: KnownSchemas): Problem[] {
  switch (operator.kind) {
    case "literal":
      return checkLiteral(wanted, operator.value, at);
    case "text":
      return checkType(wanted, ["string"], at);
    case "ref":
      return operator.default === undefined && typeof operator.ref === "string"
        ? checkType(wanted, schemas.typesOf(operator.ref), at)
        : [];
    case "malformed":
      return [];
    default:
      return operator satisfies never;
  }
}

function checkObject(wanted: Schema, value: JsonObject, at: string, schemas: KnownSchemas): Problem[] {
  const mismatch = checkType(wanted, ["object"], at);
  if (mismatch.length > 0) return mismatch;
  const missing = (wanted.required ?? []).filter((name) => !Object.hasOwn(value, name));
  const listed = {
    ...(wanted.enum && { enum: wanted.enum }),
    ...(wanted.const !== undefined && { const: wanted.const }),
  };
  return [
    ...(missing.length === 0
      ? []
      : [{ pointer: at, code: "INPUT_PROPERTY_MISSING" as const, message: `required: ${missing.join(", ")}` }]),
    ...(Object.keys(listed).length > 0 && isLiteral(value) ? checkLiteral(listed, value, at) : []),
    ...Object.entries(value).flatMap(([name, member]): Problem[] => {
      const property = propertyOf(wanted, name);
      const place = at + jsonPointer(name);
      if (property !== undefined) return checkInput(property, member, place, schemas);
      return wanted.additionalProperties === false ? [problem(place, "the action has no such input")] : [];
    }),
  ];
}

function checkLiteral(wanted: Schema, value: JsonValue, at: string): Problem[] {
  return validateValue(wanted, value).map(({ path, message }) => problem(at + path, message));
}

/** @param given what the value can be; undefined = anything */
function checkType(wanted: Schema, given: readonly JsonType[] | undefined, at: string): Problem[] {
  const types = typesOf(wanted);
  if (given === undefined || types === undefined) return [];
  if (given.some((one) => types.some((type) => mayBe(one, type)))) return [];
  return [problem(at, `is ${given.join(" or ")}, but must be ${types.join(" or ")}`)];
}

/** A number may happen to be an integer. */
function mayBe(given: JsonType, wanted: JsonType): boolean {
  const numeric = (type: JsonType): boolean => type === "integer" || type === "number";
  return given === wanted || (numeric(given) && numeric(wanted));
}

function problem(pointer: string, message: string): Problem {
  return { pointer, code: "INPUT_TYPE_MISMATCH", message };
}
