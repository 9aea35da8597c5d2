import { recordLog } from "@control-plane/testkit";
import type { Deps } from "../src/deps.ts";
import { type MailDeps, sendMailPass } from "../src/domain/send-mail.ts";
import { createSmtpMailer } from "../src/outside/mailer.ts";
import { test as base } from "./service.ts";
import { openSmtpDouble } from "./smtp-double.ts";

const FROM = "Control plane <no-reply@control.example>";

/** What the mail loop of a replica works with, and what it logs. */
export function mailDeps(deps: Deps, smtpUrl: string): MailDeps & { logged(): string } {
  const { log, text } = recordLog("auth-actions");
  return {
    envelope: deps.envelope,
    deadLetters: deps.deadLetters,
    db: deps.loopDb,
    mailer: createSmtpMailer({ url: smtpUrl, from: FROM }),
    appUrl: deps.appUrl,
    stopping: new AbortController().signal,
    log,
    logged: text,
  };
}

/** The service, a mail server, and one pass of the mail loop at will. */
export const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures a function needs from its first parameter
  .extend("smtp", async ({}, { onCleanup }) => {
    const double = await openSmtpDouble();
    onCleanup(() => double.close());
    return double;
  })
  .extend("mailing", ({ service, smtp }) => {
    const mail = mailDeps(service.deps, smtp.url);
    return { ...mail, pass: () => sendMailPass(mail) };
  });
