import type { Inconsistency } from "./model.ts";

/** Supported, but not resolvable: the object is left out of the schema and reported. `code` is Hasura's. */
export class InconsistencyError extends Error {
  readonly code: string;

  constructor(code: string, reason: string) {
    super(reason);
    this.name = "InconsistencyError";
    this.code = code;
  }
}

/** `name` without the type, which Hasura puts in front of it. */
export type MetadataObject = { readonly type: string; readonly name: string; readonly definition: unknown };

export type Inconsistencies = {
  add(object: MetadataObject, error: InconsistencyError): void;
  /** The result of `work`, or undefined after reporting that the object is inconsistent. */
  attempt<T>(object: MetadataObject, work: () => T): T | undefined;
  all(): readonly Inconsistency[];
};

export function createInconsistencies(): Inconsistencies {
  const found: Inconsistency[] = [];
  const add = ({ type, name, definition }: MetadataObject, error: InconsistencyError): void => {
    found.push({ type, name: `${type} ${name}`, reason: error.message, definition, code: error.code });
  };
  return {
    add,
    attempt(object, work) {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof InconsistencyError)) throw error;
        add(object, error);
        return undefined;
      }
    },
    all: () => found,
  };
}

/** Puts Hasura's context in front of the reason: `in table "t": in permission for role "r": …`. */
export function within<T>(context: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof InconsistencyError) throw new InconsistencyError(error.code, `${context}: ${error.message}`);
    throw error;
  }
}
