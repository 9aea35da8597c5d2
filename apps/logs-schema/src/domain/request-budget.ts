import { AppError } from "@control-plane/service-kit/errors";

const PAGES_MAX = 200;
const LINES_MAX = 20_000;
/** Of all pages together, as messages and fields are long. */
const BYTES_MAX = 8 * 1024 * 1024;

/** How much one GraphQL request may ask for; Hasura sends one aliased field per joined row. */
export type RequestBudget = {
  /** Counts a page. Every field does so in the turn of the event loop in which the request starts. */
  take(page: { limit: number; waitMs: number }): void;
  /** After that turn: throws `BAD_INPUT`, to every field alike, when the request as a whole asks for too much. */
  assertKept(): void;
  /** Counts a line that was read; false when its page has to end before it. */
  takeBytes(count: number): boolean;
};

export function createRequestBudget(): RequestBudget {
  let pages = 0;
  let lines = 0;
  let waits = false;
  let bytes = 0;
  return {
    take({ limit, waitMs }) {
      pages += 1;
      lines += limit;
      waits ||= waitMs > 0;
    },
    assertKept() {
      if (pages > PAGES_MAX) throw new AppError("BAD_INPUT", `more than ${PAGES_MAX} pages in one request`);
      if (lines > LINES_MAX) throw new AppError("BAD_INPUT", `more than ${LINES_MAX} lines in one request`);
      if (waits && pages > 1) throw new AppError("BAD_INPUT", "waitMs is for requests with a single page");
    },
    takeBytes(count) {
      if (bytes + count > BYTES_MAX) return false;
      bytes += count;
      return true;
    },
  };
}
