import { isOutage } from "./outage.ts";

/** What a log line says of an error. */
export type ErrorDescription = {
  type: string;
  message: string;
  code?: string;
  /** Of PostgreSQL's errors: names, never values. */
  constraint?: string;
  table?: string;
  /** Frames only: the first lines of `Error.stack` repeat the message. */
  stack?: string;
  cause?: ErrorDescription;
};

const CAUSES_MAX = 5;
/** PostgreSQL's class 22 quotes the value that does not fit, and Node's JSON.parse the text around its fault. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/;

/**
 * An error as it may be logged. A statement's text and parameters (drizzle puts both into message and stack) and the
 * rows and values that PostgreSQL quotes (`detail`, `where`, messages of class 22) stay out: they hold bodies, e-mails,
 * hashes and ciphertexts.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: "something else than an error was thrown" };
  const code = textMember(error, "code");
  const constraint = textMember(error, "constraint");
  const table = textMember(error, "table");
  // That a store is away is no place in our code.
  const stack = isOutage(error) ? undefined : framesOf(error);
  return {
    type: error.name === "Error" ? error.constructor.name : error.name,
    message: safeMessage(error, code),
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(table === undefined ? {} : { table }),
    ...(stack === undefined ? {} : { stack }),
    ...(error.cause === undefined || depth >= CAUSES_MAX ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

function safeMessage(error: Error, code: string | undefined): string {
  if ("query" in error && "params" in error) return "a database statement failed";
  if (code !== undefined && DATA_EXCEPTION.test(code)) return "a value does not fit its type";
  if (error instanceof SyntaxError) return "a text could not be parsed";
  return error.message;
}

function textMember(error: Error, name: "code" | "constraint" | "table"): string | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(error, name)?.value;
  return typeof value === "string" ? value : undefined;
}

function framesOf(error: Error): string | undefined {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return frames.length === 0 ? undefined : frames.join("\n");
}
