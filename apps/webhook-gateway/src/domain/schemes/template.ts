import { headerBytes } from "./headers.ts";
import type { ReceivedRequest } from "./scheme.ts";

const PLACEHOLDERS = ["body", "timestamp", "id", "method", "path"] as const;
type Placeholder = (typeof PLACEHOLDERS)[number];
type TemplatePart = { kind: "text"; bytes: Buffer } | { kind: "placeholder"; name: Placeholder };

/** What a sender signs, as parts in order. */
export type Template = readonly TemplatePart[];

/** `{timestamp}.{body}`: braces stand around placeholders only, so that a misspelt one is not signed as text. */
export function parseTemplate(text: string): Template | undefined {
  const parts: TemplatePart[] = [];
  for (const piece of text.split(/(\{[a-z]*\})/)) {
    const name = PLACEHOLDERS.find((known) => piece === `{${known}}`);
    if (name !== undefined) parts.push({ kind: "placeholder", name });
    else if (/[{}]/.test(piece)) return undefined;
    else if (piece !== "") parts.push({ kind: "text", bytes: Buffer.from(piece, "utf8") });
  }
  return parts;
}

export function countOf(template: Template, name: Placeholder): number {
  return template.filter((part) => part.kind === "placeholder" && part.name === name).length;
}

export function fillTemplate(
  template: Template,
  request: Pick<ReceivedRequest, "method" | "target" | "body">,
  headers: { timestamp: string; id: string },
): Buffer[] {
  const values: Record<Placeholder, Buffer> = {
    body: request.body,
    timestamp: headerBytes(headers.timestamp),
    id: headerBytes(headers.id),
    method: headerBytes(request.method),
    path: headerBytes(request.target),
  };
  return template.map((part) => (part.kind === "text" ? part.bytes : values[part.name]));
}
