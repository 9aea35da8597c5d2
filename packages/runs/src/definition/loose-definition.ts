import { isJsonObject, type JsonObject, type JsonValue } from "@control-plane/queue/json-value";
import type { z } from "zod";
import { type Condition, stepSchema } from "./definition.ts";

/** A step as far as it can be read: a field that is missing or malformed is undefined. */
export type LooseStep = {
  key: string | undefined;
  actionId: string | undefined;
  connectionId: string | undefined;
  /** Also true for one that is not an id. */
  namesConnection: boolean;
  dependsOn: readonly string[] | undefined;
  input: JsonObject | undefined;
  when: Condition | undefined;
};

/** A definition as far as it can be read, so that a fault in one place does not hide those in others. */
export type LooseDefinition = {
  inputSchema: JsonValue | undefined;
  steps: readonly LooseStep[];
  output: JsonValue;
};

export function readLoosely(value: JsonValue): LooseDefinition {
  if (!isJsonObject(value)) return { inputSchema: undefined, steps: [], output: null };
  const steps = Array.isArray(value.steps) ? value.steps : [];
  return { inputSchema: value.inputSchema, steps: steps.map(readStep), output: value.output ?? null };
}

function readStep(value: JsonValue): LooseStep {
  const fields = isJsonObject(value) ? value : {};
  const { shape } = stepSchema;
  const read = <T>(schema: z.ZodType<T>, name: keyof typeof shape): T | undefined =>
    schema.safeParse(fields[name]).data;
  return {
    key: read(shape.key, "key"),
    actionId: read(shape.actionId, "actionId"),
    connectionId: read(shape.connectionId, "connectionId"),
    namesConnection: fields.connectionId !== undefined,
    dependsOn: read(shape.dependsOn, "dependsOn"),
    input: read(shape.input, "input"),
    when: read(shape.when, "when"),
  };
}
