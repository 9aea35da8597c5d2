import type { HeaderSetting } from "../model/model.ts";
import { postJson } from "../outbound/post-json.ts";
import { USER_AGENT } from "../outbound/user-agent.ts";

/** What became of one delivery. */
export type Sent = {
  readonly ok: boolean;
  /** Undefined: no answer at all. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly durationMs: number;
  /** Seconds the answer asks to wait. */
  readonly retryAfterSeconds: number | undefined;
};

/** Longer answers are cut in the log of invocations. */
const BODY_BYTES_MAX = 64 * 1024;

export async function send(
  target: { url: string; headers: readonly HeaderSetting[]; timeoutSeconds: number },
  body: string,
  signal: AbortSignal,
): Promise<Sent> {
  const startedAt = performance.now();
  const headers = [
    { name: "Content-Type", value: "application/json" },
    { name: "User-Agent", value: USER_AGENT },
    ...target.headers,
  ];
  try {
    const answer = await postJson({
      url: target.url,
      headers,
      body,
      timeoutSeconds: target.timeoutSeconds,
      signal,
    });
    const received = Object.fromEntries(answer.headers.map(({ name, value }) => [name.toLowerCase(), value]));
    const asked = received["retry-after"];
    return {
      ok: answer.status >= 200 && answer.status < 300,
      status: answer.status,
      headers: received,
      body: cut(answer.text),
      durationMs: Math.round(performance.now() - startedAt),
      retryAfterSeconds: asked !== undefined && /^[1-9]\d{0,6}$/.test(asked) ? Number(asked) : undefined,
    };
  } catch (error) {
    return {
      ok: false,
      status: undefined,
      headers: {},
      body: cut(String(error)),
      durationMs: Math.round(performance.now() - startedAt),
      retryAfterSeconds: undefined,
    };
  }
}

/** Whole characters only, and none that PostgreSQL cannot store. */
function cut(text: string): string {
  const bytes = Buffer.from(text.replaceAll("\0", "")).subarray(0, BODY_BYTES_MAX);
  return new TextDecoder().decode(bytes, { stream: true });
}
