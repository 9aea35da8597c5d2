import { newToken } from "@control-plane/crypto";
import { type Database, inTransaction } from "@control-plane/db";
import type { Logger } from "@control-plane/service-kit";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { Deps } from "../deps.ts";
import { type Mailer, mailFault } from "../outside/mailer.ts";
import {
  type DueEmail,
  insertDeadLetter,
  setAttemptFailed,
  setDelivery,
  setFailed,
  setPayload,
  setSent,
  takeDueEmails,
} from "../store/emails.ts";
import { findInvitation, type Invitation, readTerms, renewOpen } from "../store/invitations.ts";
import { type EmailPayload, openEmail, sealPayload } from "./emails.ts";
import { invitationPayload } from "./invitations.ts";
import { renderMail } from "./mail-content.ts";

export type MailDeps = Pick<Deps, "envelope" | "deadLetters"> & {
  db: Database;
  mailer: Mailer;
  appUrl: string;
  /** Leaves what is on its way as if the process had died. */
  stopping: AbortSignal;
  log: Logger;
};

const BATCH = 10;
const ATTEMPTS_MAX = 8;
/** Shorter than the shortest back-off, so that nobody else takes a mail up that is on its way. */
const SEND_MS_MAX = 25_000;

/** Sends what is due until nothing is. Any number of processes may do so at once: each takes what no other has. */
export async function sendMailPass(deps: MailDeps): Promise<void> {
  for (;;) {
    const due = await takeDueEmails(deps.db, BATCH);
    const results = await Promise.allSettled(due.map((email) => attempt(deps, email)));
    const failure = results.find((result) => result.status === "rejected");
    if (failure !== undefined) throw failure.reason;
    if (due.length < BATCH || deps.stopping.aborted) return;
  }
}

async function attempt(deps: MailDeps, email: DueEmail): Promise<void> {
  const outcome = await send(deps, email);
  switch (outcome.kind) {
    case "sent":
      await failpoint("mail.after-send");
      return recordSent(deps, email);
    case "pointless":
      return recordPointless(deps, email, outcome.reason);
    case "failed":
      return recordFailure(deps, email, outcome.reason);
    case "left":
      return;
    default:
      return outcome satisfies never;
  }
}

type Outcome =
  | { kind: "sent" }
  | { kind: "left" }
  | { kind: "pointless"; reason: string }
  | { kind: "failed"; reason: string };

async function send(deps: MailDeps, email: DueEmail): Promise<Outcome> {
  try {
    const prepared = await preparePayload(deps, email);
    if (typeof prepared === "string") return { kind: "pointless", reason: prepared };
    const { link, ...content } = renderMail(prepared, deps.appUrl);
    const sending = deps.mailer.send({ id: email.id, to: email.recipient, ...content });
    const sent = await Promise.race([sending, rejectedBy(deps.stopping)]);
    if (sent.outcome === "written") deps.log.info({ file: sent.file, link }, "a mail was written to a file");
    return { kind: "sent" };
  } catch (error) {
    return deps.stopping.aborted ? { kind: "left" } : { kind: "failed", reason: mailFault(error) };
  }
}

/** Rejects when the loop stops, or after the longest time that sending may take. */
function rejectedBy(stopping: AbortSignal): Promise<never> {
  const end = AbortSignal.any([stopping, AbortSignal.timeout(SEND_MS_MAX)]);
  return new Promise((_resolve, reject) => {
    end.addEventListener("abort", () => reject(end.reason), { once: true });
  });
}

/** What to say in the mail; a text is the reason why there is nothing to say any more. */
async function preparePayload(deps: MailDeps, email: DueEmail): Promise<EmailPayload | "CLOSED" | "EMPTIED"> {
  const { id, tenantId, invitationId, payloadCipher } = email;
  if (tenantId !== null && invitationId !== null) {
    const invitation = await findInvitation(deps.db, tenantId, invitationId);
    if (invitation?.status !== "PENDING") return "CLOSED";
    if (payloadCipher === null) return renewPayload(deps, id, invitation);
  }
  if (payloadCipher === null) return "EMPTIED";
  return openEmail(deps.envelope, { id, tenantId, payloadCipher });
}

/** A mail that was taken up again after it was given up has lost its token: the invitation gets another one. */
async function renewPayload(
  deps: MailDeps,
  emailId: string,
  { id, tenantId, role, invitedBy }: Invitation,
): Promise<EmailPayload | "CLOSED"> {
  const terms = await readTerms(deps.db, { tenantId, userId: invitedBy });
  const { token, hash } = newToken("inv_");
  const payload = invitationPayload(terms, role, token);
  const cipher = await sealPayload(deps.envelope, { id: emailId, tenantId }, payload);
  const renewed = await inTransaction(deps.db, { source: "auth-actions", tenantId }, async (tx) => {
    const renewal = { tokenHash: hash, expiresAt: terms.expiresAt };
    return (await setPayload(tx, emailId, cipher)) && renewOpen(tx, tenantId, id, renewal);
  });
  return renewed ? payload : "CLOSED";
}

async function recordSent({ db, log }: MailDeps, email: DueEmail): Promise<void> {
  await inTransaction(db, { source: "auth-actions" }, async (tx) => {
    if (await setSent(tx, email.id)) await setDelivery(tx, email, "SENT");
  });
  log.info({ emailId: email.id, kind: email.kind, attempts: email.attempts }, "a mail was sent");
}

async function recordPointless({ db, log }: MailDeps, email: DueEmail, reason: string): Promise<void> {
  await setFailed(db, email, reason);
  log.info({ emailId: email.id, kind: email.kind, reason }, "a mail has nothing to say any more");
}

async function recordFailure({ db, deadLetters, log }: MailDeps, email: DueEmail, reason: string): Promise<void> {
  const { id: emailId, kind, attempts } = email;
  if (attempts < ATTEMPTS_MAX) {
    await setAttemptFailed(db, email, reason);
    log.warn({ emailId, kind, attempts, reason }, "a mail was not taken; it is tried again");
    return;
  }
  const givenUp = await inTransaction(db, { source: "auth-actions" }, async (tx) => {
    if (!(await setFailed(tx, email, reason))) return false;
    await setDelivery(tx, email, "FAILED");
    await insertDeadLetter(tx, email, reason);
    return true;
  });
  if (!givenUp) return;
  deadLetters.inc({ kind: "EMAIL" });
  log.error({ emailId, kind, attempts, reason }, "a mail was given up");
}
