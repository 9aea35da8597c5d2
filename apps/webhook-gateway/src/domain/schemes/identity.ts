import { createHash } from "node:crypto";
import type { Identity } from "./scheme.ts";

/**
 * What a request is known by: its id where it has one, else what its sender signed. `signature` is that of a request
 * whose id anybody could change who has that request.
 */
export function identify(id: string | undefined, signed: readonly Buffer[], signature?: Buffer): Identity {
  return {
    senderId: id,
    dedupeKey: id === undefined ? keyOf("content", signed) : keyOf("id", [Buffer.from(id, "utf8")]),
    replayKey: signature === undefined ? undefined : createHash("sha256").update(signature).digest(),
  };
}

/** The kind keeps an id from ever meeting a content that reads the same. */
function keyOf(kind: "id" | "content", parts: readonly Buffer[]): Buffer {
  const hash = createHash("sha256").update(`${kind}\0`);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** A text member of a JSON body; undefined when there is none, or the body is something else. */
export function jsonTextMember(body: Buffer, name: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  const member: unknown = Reflect.get(value, name);
  return typeof member === "string" && member !== "" ? member : undefined;
}
