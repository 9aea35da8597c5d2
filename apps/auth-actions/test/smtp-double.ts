import { once } from "node:events";
import type { AddressInfo } from "node:net";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

export type ReceivedMail = {
  from: string;
  to: readonly string[];
  email: Email;
  /** The first link of the plain-text part. */
  link: string;
};

/** "hang" takes the whole mail and never says so; a number refuses with that code. */
export type SmtpBehaviour = "take" | "hang" | { refuse: number; saying?: string };

export type SmtpDouble = {
  readonly url: string;
  /** Whole mails, also those that were not taken. */
  readonly mails: readonly ReceivedMail[];
  answer(behaviour: SmtpBehaviour): void;
};

/** A mail server that keeps what it is sent. */
export async function openSmtpDouble(
  options: SMTPServerOptions = {},
): Promise<SmtpDouble & { close(): Promise<void> }> {
  const mails: ReceivedMail[] = [];
  let behaviour: SmtpBehaviour = "take";
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 100,
    ...options,
    async onData(stream, { envelope }, done) {
      const source = Buffer.concat(await stream.toArray());
      const email = await PostalMime.parse(source);
      mails.push({
        from: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
        to: envelope.rcptTo.map(({ address }) => address),
        email,
        link: /https?:\S+/.exec(email.text ?? "")?.[0] ?? "",
      });
      if (behaviour === "take") return done();
      if (behaviour === "hang") return;
      const { refuse, saying = "no" } = behaviour;
      done(Object.assign(new Error(saying), { responseCode: refuse }));
    },
  });
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    url: `smtp://127.0.0.1:${portOf(listening.address())}`,
    mails,
    answer(next) {
      behaviour = next;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
