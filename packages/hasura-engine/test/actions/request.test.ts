import { describe, expect, test } from "vitest";
import type { Json } from "../../src/json/exact-json.ts";
import { context } from "../remote-schema/fixtures.ts";
import { deps, json, run } from "./world.ts";

describe("the request", () => {
  test("carries name, input, session variables and the document", async () => {
    const input = new Map<string, Json>([
      ["id", { number: "12345678901234567890" }],
      ["name", "n"],
      ["list", [{ number: "1" }, new Map([["deep", null]])]],
    ]);

    const { request } = await run({
      answer: json({ id: 1 }),
      call: { input },
      as: context("builder", { "x-hasura-user-id": "u" }),
    });

    expect(request?.path).toBe("/handler");
    expect(request?.body).toBe(
      '{"action":{"name":"doIt"},"input":{"id":12345678901234567890,"name":"n","list":[1,{"deep":null}]},"session_variables":{"x-hasura-role":"builder","x-hasura-user-id":"u"},"request_query":"mutation { doIt { id } }"}',
    );
    expect(request?.headers["content-type"]).toBe("application/json");
    expect(request?.headers["user-agent"]).toMatch(/^hasura-graphql-engine\/v/);
  });

  const clientHeaders = {
    "x-secret": "client",
    "x-hasura-role": "owner",
    authorization: "Bearer t",
    host: "front.example",
    origin: "https://front.example",
    "user-agent": "browser",
    "content-length": "5",
    accept: "text/html",
  };
  const headers = [
    { name: "X-Secret", value: "configured" },
    { name: "Content-Type", value: "text/plain" },
  ];

  test("keeps client headers to itself by default", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { headers },
      as: context("builder", {}, clientHeaders),
    });

    expect(request?.headers).toMatchObject({ "x-secret": "configured", "content-type": "application/json" });
    expect(request?.headers.authorization).toBeUndefined();
  });

  test("forwards client headers, which win over configured ones", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { headers, forwardClientHeaders: true },
      as: context("builder", {}, clientHeaders),
    });

    expect(request?.headers).toMatchObject({
      "x-secret": "client",
      authorization: "Bearer t",
      "x-forwarded-host": "front.example",
      "x-forwarded-origin": "https://front.example",
      "x-forwarded-user-agent": "browser",
      "content-type": "application/json",
    });
    expect(request?.headers["x-hasura-role"]).toBeUndefined();
    expect(request?.headers.origin).toBeUndefined();
    expect(request?.headers.accept).not.toBe("text/html");
  });

  test("lets configured headers win where the setting says so", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { headers, forwardClientHeaders: true },
      as: context("builder", {}, clientHeaders),
      deps: deps(undefined, true),
    });

    expect(request?.headers["x-secret"]).toBe("configured");
  });

  test("what belongs to the client's own connection never goes on, whatever is ignored", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { forwardClientHeaders: true, ignoredClientHeaders: [] },
      as: context(
        "builder",
        {},
        { "accept-encoding": "gzip", connection: "upgrade", upgrade: "h2c", accept: "text/html" },
      ),
    });

    expect(request?.headers).toMatchObject({ accept: "text/html" });
    expect(request?.headers).not.toHaveProperty("accept-encoding");
    expect(request?.headers.connection).not.toBe("upgrade");
  });

  test("an own list of ignored headers replaces the default", async () => {
    const { request } = await run({
      answer: json({ id: 1 }),
      action: { forwardClientHeaders: true, ignoredClientHeaders: ["Authorization"] },
      as: context("builder", {}, clientHeaders),
    });

    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.headers.accept).toBe("text/html");
  });
});
