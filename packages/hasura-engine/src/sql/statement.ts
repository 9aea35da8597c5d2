import { HasuraError } from "../hasura-error.ts";
import type { Parameter } from "../model/permissions/expression.ts";

/** One SQL statement with what is bound to `$1 … $n`. */
export type Statement = {
  readonly text: string;
  readonly parameters: readonly Parameter[];
  /** Names of what each of its rows holds, in order. */
  readonly columns: readonly string[];
};

export type CompileOptions = {
  /** Columns of type bigint, numeric, float8 and money, and aggregates of them, come as strings. */
  readonly stringifyNumericTypes: boolean;
  /** A list of an answer that becomes larger ends the statement. */
  readonly listBytesMax: number;
};

/** PostgreSQL's wire protocol counts them in 16 bits. */
const PARAMETERS_MAX = 65_535;

/** Collects parameters and hands out table aliases while one statement is written. */
export type Writer = {
  readonly options: CompileOptions;
  /** The placeholder with its cast; the same parameter object is bound once. */
  bind(parameter: Parameter): string;
  /** A placeholder that no equal value shares, and its index: for a value that changes between executions. */
  bindOwn(parameter: Parameter): { readonly place: string; readonly index: number };
  /** A table alias that nothing else in the statement has. */
  alias(): string;
  finish(text: string, columns: readonly string[]): Statement;
};

export function createWriter(options: CompileOptions): Writer {
  const parameters: Parameter[] = [];
  const places = new Map<string | Parameter, string>();
  let aliases = 0;
  const push = (parameter: Parameter): void => {
    if (parameters.length === PARAMETERS_MAX)
      throw new HasuraError("bad-request", `a statement takes at most ${PARAMETERS_MAX} values`);
    parameters.push(parameter);
  };
  return {
    options,
    bind(parameter) {
      const key = sameValueKey(parameter);
      const known = places.get(key);
      if (known !== undefined) return known;
      push(parameter);
      const place = `$${parameters.length}::${parameter.type.sql}`;
      places.set(key, place);
      return place;
    },
    bindOwn(parameter) {
      push(parameter);
      return { place: `$${parameters.length}::${parameter.type.sql}`, index: parameters.length - 1 };
    },
    alias: () => `t${aliases++}`,
    finish: (text, columns) => ({ text, parameters, columns }),
  };
}

/** Session variables and constants of one type meet in one placeholder; each variable use keeps its own encoding. */
function sameValueKey(parameter: Parameter): string | Parameter {
  switch (parameter.from) {
    case "session":
      return `session ${parameter.type.sql} ${parameter.name}`;
    case "constant":
      return `constant ${parameter.type.sql} ${parameter.text === null ? "null" : `=${parameter.text}`}`;
    case "variable":
      return parameter;
  }
}
