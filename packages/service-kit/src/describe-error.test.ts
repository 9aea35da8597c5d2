import { describe, expect, test } from "vitest";
import { describeError } from "./describe-error.ts";
import { createLogger } from "./logger.ts";

const CANARY = "canary-7f3a";

/** As drizzle throws it, around what pg throws for a row that breaks a constraint. */
function failedStatement(driverMessage: string, code: string): Error {
  const driver = Object.assign(new Error(driverMessage), {
    code,
    detail: `Failing row contains (${CANARY}).`,
    where: `unnamed portal parameter $1 = '${CANARY}'`,
    internalQuery: `select '${CANARY}'`,
    constraint: "users_email_check",
    table: "users",
  });
  return Object.assign(new Error(`Failed query: insert into users values ($1)\nparams: ${CANARY}`, { cause: driver }), {
    query: "insert into users values ($1)",
    params: [CANARY],
  });
}

describe("what is said of an error", () => {
  test.each([
    ["a broken constraint", failedStatement("new row violates check constraint", "23514")],
    ["a value that does not fit", failedStatement(`invalid input syntax for type uuid: "${CANARY}"`, "22P02")],
    ["a text that is no JSON", new Error("the body", { cause: new SyntaxError(`Unexpected token ${CANARY}`) })],
  ])("%s: no statement's parameter, row or value", (_what, error) => {
    expect(JSON.stringify(describeError(error))).not.toContain(CANARY);
  });

  test("what went wrong can still be found: type, code, constraint, table and frames", () => {
    const said = describeError(failedStatement("new row violates check constraint", "23514"));

    expect(said.cause).toMatchObject({
      message: "new row violates check constraint",
      code: "23514",
      constraint: "users_email_check",
      table: "users",
    });
    expect(said.stack).toMatch(/^\s+at /);
  });

  test("what is thrown and no error is not written out", () => {
    expect(describeError({ password: CANARY })).toEqual({
      type: "object",
      message: "something else than an error was thrown",
    });
  });

  test("causes that lead in a circle come to an end", () => {
    const error = new Error("round");
    error.cause = error;

    expect(JSON.stringify(describeError(error)).length).toBeLessThan(50_000);
  });
});

test("a log line says no more of an error", () => {
  const lines: string[] = [];
  const log = createLogger({ service: "test", level: "info", destination: { write: (line) => void lines.push(line) } });

  log.error({ err: failedStatement("new row violates check constraint", "23514") }, "request failed");

  expect(lines.join("")).toContain("users_email_check");
  expect(lines.join("")).not.toContain(CANARY);
});
