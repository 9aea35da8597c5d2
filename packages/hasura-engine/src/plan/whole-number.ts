import { HasuraError } from "../hasura-error.ts";

export function isIntegerText(text: string): boolean {
  return /^-?\d+$/.test(text);
}

/** More digits than any bound has; making a number of a very long text takes its time. */
const DIGITS_MAX = 100;

/** `1e3` and `5.0` are whole numbers too. */
function wholeNumber(text: string): bigint | undefined {
  if (text.length > DIGITS_MAX) return undefined;
  if (isIntegerText(text)) return BigInt(text);
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const shift = Number(exponent);
  if (Math.abs(shift) > 40) return undefined;
  const digits = whole + fraction.padEnd(Math.max(fraction.length, shift), "0");
  const point = whole.length + shift;
  if (point < 0 || /[1-9]/.test(digits.slice(point))) return undefined;
  return BigInt(`${sign}${digits.slice(0, point) || "0"}`);
}

/** The whole number that a text stands for, where that many bits hold it. */
export function wholeWithin(text: string, bits: 16 | 32 | 64): bigint | undefined {
  const value = wholeNumber(text);
  return value !== undefined && value === BigInt.asIntN(bits, value) ? value : undefined;
}

/** Haskell's way to show a number, as in `2.147483648e9`. */
function scientific(text: string): string {
  const match = text.length > DIGITS_MAX ? null : /^(-?)0*(\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text.slice(0, DIGITS_MAX);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "0";
  const leading = (whole + fraction).length - digits.length;
  const power = whole.length - leading - 1 + Number(exponent);
  const shown = digits.replace(/0+$/, "");
  if (power >= 0 && power < 7) {
    const padded = shown.padEnd(power + 1, "0");
    const rest = padded.slice(power + 1);
    return `${sign}${padded.slice(0, power + 1)}${rest === "" ? "" : `.${rest}`}`;
  }
  return `${sign}${shown[0]}.${shown.slice(1) || "0"}e${power}`;
}

export function outOfBounds(text: string, path: string): HasuraError {
  return new HasuraError(
    "parse-failed",
    `The value ${scientific(text)} lies outside the bounds or is not an integer. Maybe it is a float, or is there integer overflow?`,
    path,
  );
}
