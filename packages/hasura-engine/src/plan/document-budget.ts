import { HasuraError } from "../hasura-error.ts";
import type { DocumentLimits } from "../limits.ts";

/** What all documents of one body have taken of their common bounds. */
export type Spent = { actionFields: number; introspectionValues: number };

export function createSpent(): Spent {
  return { actionFields: 0, introspectionValues: 0 };
}

/**
 * Counted in the walk that plans a document, so that a short text that means a huge statement ends before it is written.
 * Each function throws HasuraError beyond its bound; `path` is the field or argument that was one too many.
 */
export type DocumentBudget = {
  /** A field or spread, as often as it is met. */
  selection(path: string): void;
  selections(): number;
  rootFields(count: number): void;
  subquery(path: string): void;
  /** Around what stands inside a relationship of a condition. */
  enterRelationship(path: string): void;
  leaveRelationship(): void;
  write(path: string): void;
  action(path: string): void;
};

export function createDocumentBudget(limits: DocumentLimits, spent: Spent): DocumentBudget {
  let selections = 0;
  let subqueries = 0;
  let relationships = 0;
  let depth = 0;
  let writes = 0;
  return {
    selection(path) {
      selections += 1;
      if (selections > limits.fields) throw beyond(`the document selects more than ${limits.fields} fields`, path);
    },
    selections: () => selections,
    rootFields(count) {
      if (count > limits.rootFields)
        throw beyond(`the document has more than ${limits.rootFields} root fields`, "$.selectionSet");
    },
    subquery(path) {
      subqueries += 1;
      if (subqueries > limits.subqueries)
        throw beyond(`the document needs more than ${limits.subqueries} subqueries`, path);
    },
    enterRelationship(path) {
      relationships += 1;
      depth += 1;
      if (relationships > limits.conditionRelationships)
        throw beyond(`the conditions follow more than ${limits.conditionRelationships} relationships`, path);
      if (depth > limits.conditionDepth)
        throw beyond(`the conditions follow relationships deeper than ${limits.conditionDepth} levels`, path);
    },
    leaveRelationship() {
      depth -= 1;
    },
    write(path) {
      writes += 1;
      if (writes > limits.writes) throw beyond(`the document makes more than ${limits.writes} separate writes`, path);
    },
    action(path) {
      spent.actionFields += 1;
      if (spent.actionFields > limits.actionFields)
        throw beyond(`the request calls more than ${limits.actionFields} actions`, path);
    },
  };
}

export function beyond(message: string, path: string): HasuraError {
  return new HasuraError("bad-request", message, path);
}
