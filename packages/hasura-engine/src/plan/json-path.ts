import { HasuraError } from "../hasura-error.ts";

const STEP =
  /\.?([A-Za-z0-9_-]+)|\[(\d+)\]|\['((?:\\.|[^'\\])*)'\]|\["((?:\\.|[^"\\])*)"\]|\.\["((?:\\.|[^"\\])*)"\]|\.\['((?:\\.|[^'\\])*)'\]|\.\[(\d+)\]/y;

/** Keys and indexes of the `path` argument of json fields: optional `$`, `.name`, `name`, `[0]`, `['text']`, `["text"]`. */
export function parseJsonPath(text: string, path: string): string[] {
  const steps: string[] = [];
  let position = text.startsWith("$") ? 1 : 0;
  while (position < text.length) {
    STEP.lastIndex = position;
    const match = STEP.exec(text);
    if (match === null || match[0] === "")
      throw new HasuraError("validation-failed", `parse json path error: ${text}`, path);
    const step = match.slice(1).find((part) => part !== undefined) ?? "";
    steps.push(step.replaceAll(/\\(.)/g, "$1"));
    position += match[0].length;
  }
  return steps;
}
