import type { Connection } from "../run/connections.ts";
import { textOf } from "../run/run-statement.ts";
import { type LivePart, type Polled, runBound, type StreamPart } from "./bound-statement.ts";

/** What one poll brought; `next` is what a stream asks from now on. */
export type Polling =
  | { readonly outcome: "data"; readonly dataText: string; readonly next: Polled }
  /** A stream's empty batch: nothing is said about it. */
  | { readonly outcome: "nothing-new" };

export async function poll(connection: Connection, polled: Polled): Promise<Polling> {
  if (polled.kind === "stream") return pollStream(connection, polled.part);
  const members: string[] = [];
  for (const part of polled.parts) members.push(`${JSON.stringify(part.alias)}:${await partText(connection, part)}`);
  return { outcome: "data", dataText: `{${members.join(",")}}`, next: polled };
}

async function partText(connection: Connection, part: LivePart): Promise<string> {
  return part.kind === "constant" ? part.jsonText : textOf(await runBound(connection, part.bound), "data");
}

async function pollStream(connection: Connection, part: StreamPart): Promise<Polling> {
  const rows = await runBound(connection, part.bound);
  const cursor = rows[0]?.cursor;
  if (rows[0]?.count === "0" || typeof cursor !== "string") return { outcome: "nothing-new" };
  const values = part.bound.values.with(part.cursorIndex, cursor);
  return {
    outcome: "data",
    dataText: `{${JSON.stringify(part.alias)}:${textOf(rows, "data")}}`,
    next: { kind: "stream", part: { ...part, bound: { ...part.bound, values } } },
  };
}
