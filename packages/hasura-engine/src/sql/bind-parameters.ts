import { HasuraError } from "../hasura-error.ts";
import type { Json } from "../json/exact-json.ts";
import type { Parameter } from "../permissions/expression.ts";
import type { Session } from "../session/session.ts";

export type Bindings = { readonly variables: Readonly<Record<string, Json>>; readonly session: Session };

/** The values of `$1 … $n` as PostgreSQL gets them: text, or null. Throws for a session variable that is not there. */
export function bindParameters(parameters: readonly Parameter[], { variables, session }: Bindings): (string | null)[] {
  return parameters.map((parameter) => {
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
  });
}
