import type { Child } from "./child.ts";
import type { SampleTenant } from "./data/load-runs.ts";
import type { Request } from "./requests-file.ts";

/** A question that every side can answer in its own words. */
export type Question = { readonly tenant: SampleTenant; readonly runId: string };

/** One server under test and how it is asked. */
export type Side = {
  readonly name: string;
  start(port: number): Promise<Child>;
  request(question: Question): Request;
  /** How every right answer begins. */
  readonly answerBegins: string;
  /** The rows of an answer in the shape all sides share, to be compared. Throws for another answer. */
  rows(body: unknown): unknown;
};
