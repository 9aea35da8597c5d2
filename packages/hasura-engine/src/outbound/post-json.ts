import { request } from "undici";
import { TIMER_MS_MAX } from "../limits.ts";

export type OutboundRequest = {
  readonly url: string;
  /** Later entries win over earlier ones of the same name, whatever their case. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: string;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal | undefined;
};
export type OutboundAnswer = {
  readonly status: number;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly text: string;
};

/** Longest answer of an action handler or a remote schema. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Posts JSON and reads the whole answer; redirects are answers like others. Rejects when there is no connection, on
 * timeout, when `signal` is aborted, and when the answer is longer than 32 MiB.
 */
export async function postJson(outbound: OutboundRequest): Promise<OutboundAnswer> {
  const timeoutMs = Math.min(outbound.timeoutSeconds * 1000, TIMER_MS_MAX);
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = outbound.signal === undefined ? timeout : AbortSignal.any([timeout, outbound.signal]);
  const answer = await request(outbound.url, {
    method: "POST",
    headers: uniqueHeaders(outbound.headers),
    body: outbound.body,
    signal,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(bytes);
  }
  const headers = Object.entries(answer.headers).flatMap(([name, values]) =>
    [values ?? []].flat().map((value) => ({ name, value })),
  );
  return { status: answer.statusCode, headers, text: Buffer.concat(chunks).toString("utf8") };
}

function uniqueHeaders(headers: OutboundRequest["headers"]): Record<string, string> {
  const byName = new Map(headers.map((header) => [header.name.toLowerCase(), header]));
  return Object.fromEntries([...byName.values()].map(({ name, value }) => [name, value]));
}
