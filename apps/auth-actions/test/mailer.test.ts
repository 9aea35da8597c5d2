import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import PostalMime from "postal-mime";
import { test as base, describe, expect } from "vitest";
import { createFileMailer, createSmtpMailer, mailFault } from "../src/outside/mailer.ts";
import { openSmtpDouble } from "./smtp-double.ts";

const FROM = "Control plane <no-reply@control.example>";
const MAIL = { id: "m-1", to: "grace@example.com", subject: "Hi", text: "Hello", html: "<p>Hello</p>" };

const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures a function needs from its first parameter
  .extend("directory", async ({}, { onCleanup }) => {
    const directory = await mkdtemp(join(tmpdir(), "cp-mail-"));
    onCleanup(() => rm(directory, { recursive: true }));
    return join(directory, "mails");
  });

describe("over SMTP", () => {
  test("a mail has the same id each time it is sent", async () => {
    const double = await openSmtpDouble();
    const mailer = createSmtpMailer({ url: double.url, from: FROM });

    await mailer.send(MAIL);
    await mailer.send(MAIL);
    await double.close();

    expect(double.mails.map(({ email }) => email.messageId)).toEqual(["<m-1@control-plane>", "<m-1@control-plane>"]);
  });

  test("the credentials of the URL sign in", async () => {
    const seen: unknown[] = [];
    const double = await openSmtpDouble({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth({ username, password }, _session, done) {
        seen.push([username, password]);
        done(null, { user: username });
      },
    });
    const url = double.url.replace("//", "//mail%40corp:p%3Ass@");

    await createSmtpMailer({ url, from: FROM }).send(MAIL);
    await double.close();

    expect(seen).toEqual([["mail@corp", "p:ss"]]);
    expect(double.mails).toHaveLength(1);
  });

  test("a server that cannot encrypt gets nothing where the URL asks for it", async () => {
    const double = await openSmtpDouble();
    const mailer = createSmtpMailer({ url: `${double.url}?requireTLS=true`, from: FROM });

    const fault = await mailer.send(MAIL).then(() => "sent", mailFault);
    await double.close();

    expect(fault).toMatch(/STARTTLS|ETLS/);
    expect(double.mails).toEqual([]);
  });

  test("what a server says of a refusal is not repeated", async () => {
    const double = await openSmtpDouble({
      onRcptTo(_address, _session, done) {
        done(Object.assign(new Error("no grace@example.com here"), { responseCode: 550 }));
      },
    });
    const mailer = createSmtpMailer({ url: double.url, from: FROM });

    const fault = await mailer.send(MAIL).then(() => "sent", mailFault);
    await double.close();

    expect(fault).toBe("EENVELOPE 550 RCPT TO");
  });
});

describe("into files", () => {
  test("a mail is one that mail programs open, for its owner's eyes only", async ({ directory }) => {
    const mailer = createFileMailer({ directory, from: FROM });

    const written = await mailer.send(MAIL);

    const file = join(directory, "m-1.eml");
    expect(written).toEqual({ outcome: "written", file });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await PostalMime.parse(await readFile(file))).toMatchObject({
      from: { name: "Control plane", address: "no-reply@control.example" },
      to: [{ address: "grace@example.com" }],
      subject: "Hi",
      text: expect.stringContaining("Hello"),
      html: expect.stringContaining("<p>Hello</p>"),
    });
  });

  test("sent again it is the same file", async ({ directory }) => {
    const mailer = createFileMailer({ directory, from: FROM });

    const files = [await mailer.send(MAIL), await mailer.send(MAIL)];

    expect(new Set(files.map((sent) => sent.outcome === "written" && sent.file)).size).toBe(1);
  });
});
