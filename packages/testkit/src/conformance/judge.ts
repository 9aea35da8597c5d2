import { isDeepStrictEqual } from "node:util";
import { deepEqual, isJsonValue, type RunEvent } from "@control-plane/queue";
import { readJson } from "@control-plane/service-kit/read-json";
import type { RecordedRequest } from "../http-double.ts";
import type { PlayedRun } from "./played-run.ts";
import type { ExpectedCall, ExpectedEvent, Scenario } from "./scenario.ts";

/** @returns one sentence for everything that is not as the scenario wants it */
export function judge(scenario: Scenario, run: PlayedRun, outside: readonly RecordedRequest[]): string[] {
  const { expect } = scenario;
  const seen = run.bodies.join("\n");
  return [
    ...run.problems,
    ...judgeEvents(expect.events, run.applied),
    ...judgeCalls(expect.outside, outside),
    ...Object.entries(expect.credentialFetches)
      .filter(([connection, count]) => (run.credentialFetches[connection] ?? 0) !== count)
      .map(
        ([connection, count]) =>
          `a credential was fetched ${run.credentialFetches[connection] ?? 0} times, not ${count}`,
      ),
    ...expect.secrets.filter((secret) => seen.includes(secret)).map(() => "a secret was sent to the orchestrator"),
  ];
}

function judgeEvents(expected: readonly ExpectedEvent[], applied: readonly RunEvent[]): string[] {
  const names = applied.map(nameOf);
  const wanted = expected.map(nameOf);
  if (!isDeepStrictEqual(names, wanted)) return [`events: saw ${show(names)}, expected ${show(wanted)}`];
  return expected.flatMap((event, index) => judgeEvent(event, applied[index]));
}

function nameOf(event: { type: string; stepKey?: string | undefined }): string {
  return event.stepKey === undefined ? event.type : `${event.type} ${event.stepKey}`;
}

function judgeEvent(expected: ExpectedEvent, event: RunEvent | undefined): string[] {
  const output = event !== undefined && "output" in event ? (event.output ?? null) : null;
  const error: Readonly<Record<string, unknown>> = event !== undefined && "error" in event ? event.error : {};
  const name = nameOf(expected);
  return [
    ...("output" in expected && !isSame(output, expected.output)
      ? [`${name}: output is ${show(output)}, expected ${show(expected.output)}`]
      : []),
    ...Object.entries(expected.error ?? {})
      .filter(([member, value]) => !isSame(error[member], value))
      .map(([member, value]) => `${name}: error.${member} is ${show(error[member])}, expected ${show(value)}`),
  ];
}

function judgeCalls(expected: readonly ExpectedCall[], calls: readonly RecordedRequest[]): string[] {
  const seen = calls.map(({ method, path }) => `${method} ${path}`);
  const wanted = expected.map(({ method, path }) => `${method} ${path}`);
  if (!isDeepStrictEqual(seen, wanted)) return [`outside calls: saw ${show(seen)}, expected ${show(wanted)}`];
  return expected.flatMap((call, index) => judgeCall(call, calls[index]));
}

function judgeCall(expected: ExpectedCall, call: RecordedRequest | undefined): string[] {
  const name = `${expected.method} ${expected.path}`;
  const body = typeof expected.body === "string" ? call?.body : jsonOf(call?.body ?? "");
  return [
    ...Object.entries(expected.headers)
      .filter(([header, form]) => !fits(call?.headers[header], form))
      .map(([header, form]) => `${name}: ${header} is ${show(call?.headers[header])}, expected ${show(form)}`),
    ...("body" in expected && !isSame(body, expected.body)
      ? [`${name}: body is ${show(call?.body)}, expected ${show(expected.body)}`]
      : []),
  ];
}

function fits(value: string | undefined, form: ExpectedCall["headers"][string]): boolean {
  if (form === null) return value === undefined;
  if (typeof form === "string") return value === form;
  return value !== undefined && new RegExp(form.matches).test(value);
}

/** Numbers by their values, to the last digit. */
function isSame(seen: unknown, expected: unknown): boolean {
  return isJsonValue(seen, Infinity) && isJsonValue(expected, Infinity) && deepEqual(seen, expected);
}

function jsonOf(text: string): unknown {
  try {
    return readJson(text);
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "absent";
}
