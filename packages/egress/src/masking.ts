declare global {
  interface JSON {
    /** Whether a value is a number kept as its text, which `JSON.stringify` writes as it is. */
    isRawJSON(value: unknown): value is { readonly rawJSON: string };
  }
}

export const MASK = "•••";

/** Shorter values are parts of ordinary words and numbers: hiding them would hide everything. */
const LENGTH_MIN = 4;

export type Masker = {
  text(text: string): string;
  /** Strings, keys and numbers at any depth. */
  value(value: unknown): unknown;
};

/**
 * Hides secret values in what comes back from outside: as they are, in hex, base64 (also inside a longer value), URL-
 * and JSON-escaped.
 * @param options.lengthMin 1 where nothing but the secret counts, for example in a snippet for people
 */
export function createMasker(secrets: Iterable<string>, options: { lengthMin?: number } = {}): Masker {
  const lengthMin = options.lengthMin ?? LENGTH_MIN;
  const forms = [...secrets].filter((secret) => secret.length >= lengthMin && secret !== "").flatMap(formsOf);
  // The longest first, so that a secret inside another does not leave the rest of it visible.
  const sources = [...new Set(forms)].toSorted((a, b) => b.length - a.length).map(escaped);
  const pattern = sources.length === 0 ? undefined : new RegExp(sources.join("|"), "g");
  const text = (given: string) => (pattern === undefined ? given : given.replace(pattern, MASK));
  const value = (given: unknown): unknown => {
    if (typeof given === "string") return text(given);
    if (typeof given === "number") return text(String(given)) === String(given) ? given : MASK;
    if (JSON.isRawJSON(given)) return text(given.rawJSON) === given.rawJSON ? given : MASK;
    if (Array.isArray(given)) return given.map(value);
    if (typeof given !== "object" || given === null) return given;
    return Object.fromEntries(Object.entries(given).map(([key, inner]) => [text(key), value(inner)]));
  };
  return { text, value: (given) => (pattern === undefined ? given : value(given)) };
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, "utf8");
  const hex = bytes.toString("hex");
  const url = encodeURIComponent(bytes.toString("utf8"));
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [
    ...[secret, hex, hex.toUpperCase(), json, json.replaceAll("/", "\\/"), ascii],
    ...[url, url.replace(/%../g, (octet) => octet.toLowerCase()), url.replaceAll("%20", "+")],
    ...[0, 1, 2].flatMap((offset) => base64At(bytes, offset)),
  ];
}

/** What is sure to occur in base64 text that holds the bytes `offset` bytes behind a group of three. */
function base64At(bytes: Buffer, offset: number): string[] {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
  const bits = 8 * (offset + bytes.length);
  const sure = text.slice(Math.ceil((8 * offset) / 6), Math.floor(bits / 6));
  // Of a very short value too little is sure to tell it from other text.
  if (sure.length < LENGTH_MIN) return [];
  const whole = offset === 0 ? [text, text.replace(/=+$/, "")] : [];
  return [sure, ...whole].flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
