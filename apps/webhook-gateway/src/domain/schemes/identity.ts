import { sha256 } from "@control-plane/crypto";
import type { Identity } from "./scheme.ts";

/**
 * What a request is known by: its id where it has one, else what its sender signed. `signature` is that of a request
 * whose id anybody could change who has that request.
 */
export function identify(id: string | undefined, signed: readonly Buffer[], signature?: Buffer): Identity {
  // The kind keeps an id from ever meeting a content that reads the same.
  return {
    senderId: id,
    dedupeKey: id === undefined ? sha256(Buffer.concat([CONTENT, ...signed])) : sha256(`id\0${id}`),
    replayKey: signature === undefined ? undefined : sha256(signature),
  };
}

const CONTENT = Buffer.from("content\0");

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
