import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import PostalMime from "postal-mime";

/** The plain text of a mail to the address, as soon as there is one. */
export type ReadMail = (recipient: string) => Promise<string>;

const WAIT_MS_MAX = 20_000;

/** Reads what auth-actions writes in place of sending. */
export function readMailFiles(mailDir: string): ReadMail {
  return async (recipient) => {
    const deadline = Date.now() + WAIT_MS_MAX;
    for (;;) {
      const text = await findMail(mailDir, recipient);
      if (text !== undefined) return text;
      if (Date.now() > deadline) throw new Error(`no mail to ${recipient} in ${mailDir} after 20 s`);
      await delay(100);
    }
  };
}

async function findMail(mailDir: string, recipient: string): Promise<string | undefined> {
  const names = await readdir(mailDir).catch((): string[] => []);
  // Names are ids that rise with time: the newest first.
  for (const name of names
    .filter((file) => file.endsWith(".eml"))
    .sort()
    .reverse()) {
    const mail = await PostalMime.parse(await readFile(join(mailDir, name)));
    if (mail.to?.some(({ address }) => address === recipient) === true) return mail.text ?? "";
  }
  return undefined;
}
