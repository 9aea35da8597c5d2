import { HasuraError } from "../hasura-error.ts";
import type { Json } from "../json/exact-json.ts";
import type { Parameter } from "../model/permissions/expression.ts";
import type { Session } from "../session/session.ts";

export type Bindings = { readonly variables: Readonly<Record<string, Json>>; readonly session: Session };

/** A plan that is kept is bound to values that its planning has not seen. */
const VALUES_SIZE_MAX = 32 * 1024 * 1024;

/** The values of `$1 … $n` as PostgreSQL gets them: text, or null. Throws for a session variable that is not there. */
export function bindParameters(parameters: readonly Parameter[], { variables, session }: Bindings): (string | null)[] {
  let size = 0;
  return parameters.map((parameter) => {
    const text = textOf(parameter, { variables, session });
    size += text?.length ?? 0;
    if (size > VALUES_SIZE_MAX)
      throw new HasuraError("bad-request", `the values of a statement are larger than ${VALUES_SIZE_MAX}`);
    return text;
  });
}

function textOf(parameter: Parameter, { variables, session }: Bindings): string | null {
  switch (parameter.from) {
    case "constant":
      return parameter.text;
    case "variable":
      return parameter.encode(variables[parameter.name] ?? null);
    case "session": {
      const value = session.variables.get(parameter.name);
      if (value === undefined) throw new HasuraError("not-found", `missing session variable: "${parameter.name}"`);
      return value;
    }
    default:
      return parameter satisfies never;
  }
}
