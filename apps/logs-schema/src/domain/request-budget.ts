import { AppError } from "@control-plane/service-kit/errors";

const FIELDS_MAX = 200;
const LINES_MAX = 20_000;

/** How much one GraphQL request may ask for; Hasura sends one aliased field per joined row. */
export type RequestBudget = {
  /** Throws `BAD_INPUT` beyond the bounds. */ take(lines: number): void /** Root fields asked for so far. */;
  fields(): number;
};

export function createRequestBudget(): RequestBudget {
  let fields = 0;
  let lines = 0;
  return {
    take(wanted) {
      fields += 1;
      lines += wanted;
      if (fields > FIELDS_MAX) throw new AppError("BAD_INPUT", `more than ${FIELDS_MAX} pages in one request`);
      if (lines > LINES_MAX) throw new AppError("BAD_INPUT", `more than ${LINES_MAX} lines in one request`);
    },
    fields: () => fields,
  };
}
