import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport, type NodemailerError } from "nodemailer";

export type OutgoingMail = { id: string; to: string; subject: string; text: string; html: string };

/** Takes a mail on its way; throws when nobody took it. */
export type Mailer = {
  send(mail: OutgoingMail): Promise<{ outcome: "sent" } | { outcome: "written"; file: string }>;
};

const CONNECT_MS_MAX = 5_000;
/** Between two answers of the server. */
const SILENCE_MS_MAX = 10_000;

/** One connection per mail: mails are few, and a connection that is kept may have died unseen. */
export function createSmtpMailer({ url, from }: { url: string; from: string }): Mailer {
  const transport = createTransport(
    {
      url,
      connectionTimeout: CONNECT_MS_MAX,
      greetingTimeout: CONNECT_MS_MAX,
      dnsTimeout: CONNECT_MS_MAX,
      socketTimeout: SILENCE_MS_MAX,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  );
  return {
    async send(mail) {
      await transport.sendMail(message(mail));
      return { outcome: "sent" };
    },
  };
}

/** For development: a mail is a file, which mail programs open. Only its owner may read it, for it holds a secret link. */
export function createFileMailer({ directory, from }: { directory: string; from: string }): Mailer {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: "unix" }, { from });
  return {
    async send(mail) {
      const { message: source } = await transport.sendMail(message(mail));
      await mkdir(directory, { recursive: true });
      const file = join(directory, `${mail.id}.eml`);
      await writeFile(`${file}.new`, source, { mode: 0o600 });
      await rename(`${file}.new`, file);
      return { outcome: "written", file };
    },
  };
}

function message({ id, to, subject, text, html }: OutgoingMail) {
  // The same id when a mail is sent twice, so that the receiving side can tell.
  return { messageId: `<${id}@control-plane>`, to: { name: "", address: to }, subject, text, html };
}

/** Why a mail was not taken, in codes only: the server's own words may repeat what was sent to it. */
export function mailFault(error: unknown): string {
  if (!isMailError(error)) return error instanceof Error ? error.name : "unknown";
  return [error.code, error.responseCode, error.command].filter((part) => part !== undefined).join(" ");
}

function isMailError(error: unknown): error is NodemailerError {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
