import type pg from "pg";
import { textOf } from "../run/run-statement.ts";
import { type LivePart, type Polled, runBound, type StreamPart } from "./bound-statement.ts";

/** What one poll brought; `next` is what a stream asks from now on. */
export type Polling =
  | { readonly outcome: "data"; readonly dataText: string; readonly next: Polled }
  /** A stream's empty batch: nothing is said about it. */
  | { readonly outcome: "nothing-new" };

export async function poll(pool: pg.Pool, polled: Polled): Promise<Polling> {
  if (polled.kind === "stream") return pollStream(pool, polled.part);
  const members: string[] = [];
  for (const part of polled.parts) members.push(`${JSON.stringify(part.alias)}:${await partText(pool, part)}`);
  return { outcome: "data", dataText: `{${members.join(",")}}`, next: polled };
}

async function partText(pool: pg.Pool, part: LivePart): Promise<string> {
  return part.kind === "constant" ? part.jsonText : textOf(await runBound(pool, part.bound), "data");
}

async function pollStream(pool: pg.Pool, part: StreamPart): Promise<Polling> {
  const rows = await runBound(pool, part.bound);
  const cursor = rows[0]?.cursor;
  if (rows[0]?.count === 0 || typeof cursor !== "string") return { outcome: "nothing-new" };
  const values = part.bound.values.with(part.cursorIndex, cursor);
  return {
    outcome: "data",
    dataText: `{${JSON.stringify(part.alias)}:${textOf(rows, "data")}}`,
    next: { kind: "stream", part: { ...part, bound: { ...part.bound, values } } },
  };
}
