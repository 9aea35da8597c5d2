import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Beside what the store holds; for its owner's eyes alone. */
const FILE = "password";

export async function readPassword(dataDir: string): Promise<string | undefined> {
  const text = (await readFile(join(dataDir, FILE), "utf8").catch(() => "")).trim();
  return text === "" ? undefined : text;
}

/** Once the store asks for it: a password without a file is given anew at the next start. */
export async function keepPassword(dataDir: string, password: string): Promise<void> {
  const file = join(dataDir, FILE);
  await writeFile(`${file}.new`, `${password}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Of letters, digits, `-` and `_`: fit for a URL, a setting and a statement as it is. */
export function makePassword(): string {
  return randomBytes(32).toString("base64url");
}
