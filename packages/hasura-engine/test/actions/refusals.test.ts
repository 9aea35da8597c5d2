import { describe, expect, test } from "vitest";
import { HasuraError, PassedThroughError } from "../../src/hasura-error.ts";
import type { OutsideAnswer } from "../outside.ts";
import { fault, json } from "./world.ts";

describe("refusals and faults", () => {
  test.each([
    [{ message: "no", extensions: { foo: "bar" } }, { foo: "bar" }],
    [
      { message: "no", code: "outer", extensions: { foo: "bar", code: "inner" } },
      { foo: "bar", code: "inner" },
    ],
    [
      { message: "no", code: "mine" },
      { path: "$", code: "mine" },
    ],
    [{ message: "no" }, { path: "$", code: "unexpected" }],
  ])("4xx with %j is the client's error", async (body, extensions) => {
    const error = await fault({ answer: { ...json(body, 400), headers: { "set-cookie": "a=1" } } });

    expect(error).toBeInstanceOf(PassedThroughError);
    expect(error).toMatchObject({ errors: [{ message: "no", extensions }], setCookie: ["a=1"] });
  });

  test.each([{}, { message: 1 }, [], "text"])("4xx with %j does not parse", async (body) => {
    expect(await fault({ answer: json(body, 422) })).toMatchObject({ code: "parse-failed" });
  });

  test.each([301, 500, 503])("status %i is an internal error", async (status) => {
    expect(await fault({ answer: json({ message: "secret" }, status) })).toMatchObject({
      code: "unexpected",
      message: "internal error",
      internal: { error: `expecting 2xx or 4xx status code, but found ${status}` },
    });
  });

  test.each<OutsideAnswer>([{ body: "<html>" }, { status: 204, body: "" }])("%j is no JSON", async (answer) => {
    expect(await fault({ answer })).toMatchObject({
      code: "unexpected",
      message: "not a valid json response from webhook",
    });
  });

  test("a late answer and a missing handler are http exceptions", async () => {
    const late = await fault({ answer: () => new Promise(() => undefined), action: { timeoutSeconds: 0.05 } });
    const gone = await fault({ answer: json({}), action: { url: "http://127.0.0.1:1/handler" } });

    expect(late).toMatchObject({ code: "unexpected", message: "http exception when calling webhook" });
    expect(gone).toMatchObject({ code: "unexpected", message: "http exception when calling webhook" });
  });

  test("header values never stand in the error's details", async () => {
    const error = await fault({
      answer: json([]),
      action: { headers: [{ name: "x-action-secret", value: "top-secret" }] },
    });

    expect(error).toMatchObject({ internal: { request: { url: "{{HOOKS}}/handler" } } });
    expect(JSON.stringify(error instanceof HasuraError ? error.internal : error)).not.toContain("top-secret");
  });
});
