import type { EmailPayload } from "./emails.ts";

export type MailContent = { subject: string; text: string; html: string; link: string };

/** What a mail says, once for both of its parts. */
type Letter = { subject: string; paragraphs: readonly string[]; button: string; link: string; footer: string };

/** Names come from tenants and users: in text they are one line each, in HTML they are escaped too. */
export function renderMail(payload: EmailPayload, appUrl: string): MailContent {
  const letter = writeLetter(payload, appUrl.replace(/\/+$/, ""));
  return { subject: letter.subject, text: asText(letter), html: asHtml(letter), link: letter.link };
}

function writeLetter(payload: EmailPayload, appUrl: string): Letter {
  const until = untilText(payload.expiresAt);
  switch (payload.kind) {
    case "INVITATION": {
      const [tenant, inviter] = [oneLine(payload.tenantName), oneLine(payload.inviterName)];
      return {
        subject: `Invitation to ${tenant}`,
        paragraphs: [
          `${inviter} invites you to “${tenant}” with the role ${payload.role}.`,
          `The invitation is open until ${until}.`,
        ],
        button: "See the invitation",
        // A fragment stays in the browser: no server logs it.
        link: `${appUrl}/invitations/accept#token=${payload.token}`,
        footer: "If you do not know the sender, ignore this mail: nothing happens without you.",
      };
    }
    case "PASSWORD_RESET":
      return {
        subject: "Set a new password",
        paragraphs: [
          `Hello ${oneLine(payload.name)}, somebody asked for a new password of your account.`,
          `The link works once, until ${until}.`,
        ],
        button: "Set a new password",
        link: `${appUrl}/password/reset#token=${payload.token}`,
        footer: "If that was not you, ignore this mail: your password stays as it is.",
      };
    default:
      return payload satisfies never;
  }
}

function asText({ paragraphs, button, link, footer }: Letter): string {
  return [...paragraphs, `${button}:\n${link}`, footer].join("\n\n").concat("\n");
}

function asHtml({ subject, paragraphs, button, link, footer }: Letter): string {
  const blocks = [
    ...paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
    `<p><a href="${escapeHtml(link)}">${escapeHtml(button)}</a></p>`,
    `<p><small>${escapeHtml(footer)}</small></p>`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="font-family: sans-serif; line-height: 1.5">
${blocks.join("\n")}
</body></html>
`;
}

/** Line breaks would forge lines of ours, and marks of direction what the reader sees. */
function oneLine(name: string): string {
  return name.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

const untilFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });

function untilText(expiresAt: string): string {
  return `${untilFormat.format(new Date(expiresAt))} UTC`;
}
