import type { JsonValue } from "@control-plane/queue/json-value";
import { parsePointer } from "@control-plane/service-kit/json-pointer";
import type { KnownSchemas } from "./known-schemas.ts";
import { collectReferences, type Reference } from "./operators.ts";
import type { Problem } from "./problem.ts";

const RUN_MEMBERS: readonly string[] = ["id", "startedAt"];
const TRIGGER_MEMBERS: readonly string[] = ["type", "headers", "deliveryId", "receivedAt", "scheduledFor"];

/**
 * What is wrong with the pointers inside a value. Certain or silent: a schema that is not known is no problem.
 * @param upstream keys of the steps whose output may be read; undefined while that is not known
 */
export function checkReferences(
  value: JsonValue,
  at: string,
  upstream: ReadonlySet<string> | undefined,
  schemas: KnownSchemas,
): Problem[] {
  const { references, malformed } = collectReferences(value, at);
  return [
    ...malformed.map(
      (pointer): Problem => ({
        pointer,
        code: "REF_INVALID",
        message: "not an operator: use $ref (with default), $text or $literal alone",
      }),
    ),
    ...references.flatMap((reference) => checkReference(reference, upstream, schemas) ?? []),
  ];
}

function checkReference(
  { at, ref }: Reference,
  upstream: ReadonlySet<string> | undefined,
  schemas: KnownSchemas,
): Problem | undefined {
  const segments = typeof ref === "string" ? parsePointer(ref) : undefined;
  if (segments === undefined) return { pointer: at, code: "REF_INVALID", message: "not a JSON pointer" };
  const invalid = describeInvalid(segments);
  if (invalid !== undefined) return { pointer: at, code: "REF_INVALID", message: invalid };
  const [root, key = ""] = segments;
  if (root === "steps" && upstream !== undefined && !upstream.has(key))
    return { pointer: at, code: "REF_NOT_UPSTREAM", message: `${key} is not reached through dependsOn` };
  const found = schemas.find(segments);
  if (found.kind !== "absent") return undefined;
  return { pointer: at, code: "REF_UNKNOWN_PROPERTY", message: `there is no property ${found.segment}` };
}

/** Why a pointer can lead nowhere, whatever the run. */
function describeInvalid([root, member, third]: readonly string[]): string | undefined {
  switch (root) {
    case "input":
      return undefined;
    case "steps":
      return third === "output" ? undefined : "of a step only /output can be read";
    case "trigger":
      return member === undefined || TRIGGER_MEMBERS.includes(member) ? undefined : `/trigger has no ${member}`;
    case "run":
      return member === undefined || RUN_MEMBERS.includes(member) ? undefined : `/run has no ${member}`;
    default:
      return "pointers begin with /input, /steps/<key>/output, /trigger or /run";
  }
}
