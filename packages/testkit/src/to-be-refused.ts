import { expect } from "vitest";

declare module "vitest" {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** A reply of `actions.call` that refuses with this code, as a 4xx. */
    toBeRefused(code: string): R;
  }
}

expect.extend({
  toBeRefused(reply: unknown, code: string) {
    const found = describeReply(reply);
    return {
      pass: found.code === code && found.status >= 400 && found.status < 500,
      message: () =>
        `expected a ${this.isNot ? "reply other than the " : ""}refusal ${code}, the reply was ${found.text}`,
    };
  },
});

function describeReply(reply: unknown): { code: string; status: number; text: string } {
  const text = JSON.stringify(reply);
  if (typeof reply !== "object" || reply === null || !("status" in reply) || !("code" in reply)) {
    return { code: "", status: 0, text };
  }
  return { code: String(reply.code), status: Number(reply.status), text };
}
