import { once } from "node:events";
import { type OutgoingHttpHeaders, request } from "node:http";
import { expect } from "vitest";
import { type SendOptions, send, test } from "./service.ts";

// What went wrong at others who take webhooks: docs/security.md.

/** The status. The path goes out as it is written; fetch would tidy it up first. */
async function statusOf(base: string, path: string, headers: OutgoingHttpHeaders = {}): Promise<number> {
  const { hostname, port } = new URL(base);
  const asked = request({ hostname, port, path, method: "POST", headers });
  asked.end("{}");
  const [reply] = await once(asked, "response");
  reply.resume();
  await once(reply, "end");
  return reply.statusCode;
}

test("a trigger whose stored secret is lost takes nothing, signed or not [CVE-2026-86080]", async ({
  service,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const setSecret = (value: string) =>
    db.pool.query(`update triggers set webhook_secret_cipher = ${value} where id = $1`, [hook.id]);
  await setSecret("'\\x'");

  const signed = await send(service, hook, "{}");
  const unsigned = await send(service, hook, "{}", { headers: { "webhook-signature": "" } });
  const withEmptyKey = await send(service, hook, "{}", { secret: "" });

  expect([signed, unsigned, withEmptyKey].map(({ status, code }) => [status, code])).toEqual(
    Array.from({ length: 3 }, () => [401, "SIGNATURE_INVALID"]),
  );
  expect(await acme.runs()).toEqual([]);
  await expect(setSecret("null")).rejects.toThrow(/violates check constraint/);
});

test("however a path is written, no request gets past the signature of the trigger it leads to [CVE-2026-110846]", async ({
  service,
  world,
  addHook,
}) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const { path, ...hook } = await addHook(workflow);
  const open = (await addHook(workflow, { signatureScheme: "NONE", webhookSecretCipher: null })).path;
  const base = await service.server.listen({ host: "127.0.0.1", port: 0 });
  const encoded = `%${path.charCodeAt(0).toString(16)}${path.slice(1)}`;

  const statuses: [string, number][] = [];
  for (const way of [
    ...[`/hooks/${path}`, `/hooks/${encoded}`, `/hooks/${path}?path=${open}`, `/hooks/${path};${open}`],
    ...[`/hooks/${path}/`, `//hooks/${path}`, `/hooks//${path}`, `/hooks/./${path}`, `/HOOKS/${path}`],
    ...[`/hooks/${open}/../${path}`, `/hooks/${open}/%2e%2e/${path}`, `/hooks/${open}%2f..%2f${path}`],
    ...[`/hooks/${path}%00`, `/hooks/${open}%00${path}`, `/hooks/${path}%23${open}`, `/hooks/${path}\\..\\${open}`],
  ])
    statuses.push([way, await statusOf(base, way)]);

  expect(statuses.filter(([, status]) => ![400, 401, 404].includes(status))).toEqual([]);
  expect(await acme.runs()).toEqual([]);
  expect([await statusOf(base, `/hooks/${open}`), (await send(service, { path, ...hook }, "{}")).status]).toEqual([
    202, 202,
  ]);
});

test("an upload is bytes, and fields that look like one are data [CVE-2026-21858]", async ({
  service,
  world,
  addHook,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const fields = { files: { f: { filepath: "/etc/passwd", originalFilename: "f", mimetype: "text/plain", size: 1 } } };
  const form = '--b\r\ncontent-disposition: form-data; name="f"; filename="/etc/passwd"\r\n\r\nx\r\n--b--\r\n';
  const multipart = "multipart/form-data; boundary=b";

  const asData = await send(service, hook, JSON.stringify(fields));
  const asUpload = await send(service, hook, form, { headers: { "content-type": multipart } });
  const mislabelled = await send(service, hook, JSON.stringify(fields), { headers: { "content-type": multipart } });

  const inputs = new Map((await acme.runs()).map(({ id, input }) => [id, input]));
  expect([asData, asUpload, mislabelled].map(({ runId = "" }) => inputs.get(runId))).toEqual([
    fields,
    { contentType: multipart, base64: Buffer.from(form).toString("base64") },
    { contentType: multipart, base64: Buffer.from(JSON.stringify(fields)).toString("base64") },
  ]);
});

test("no answer repeats what was sent, and none is anything but JSON [CVE-2026-27578] [CVE-2026-33749]", async ({
  service,
  world,
  addHook,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const script = "<script>alert(1)</script>";
  const as = (headers: Record<string, string>): SendOptions => ({ headers });
  const page = { "content-type": "text/html", accept: "text/html" };

  const answers = [
    await send(service, hook, script, { id: script, headers: page }),
    await send(service, hook, script, { id: script, headers: page }),
    await send(service, hook, `${script} `, { id: script, headers: page }),
    await send(service, hook, script),
    await send(service, hook, script, as({ "content-encoding": script })),
    await send(service, hook, script, as({ "webhook-signature": script })),
    await send(service, { ...hook, path: encodeURIComponent(script) }, script, as(page)),
    await send(service, { ...hook, path: `%zz${encodeURIComponent(script)}` }, script, as(page)),
    await send(service, { ...hook, path: `../${encodeURIComponent(script)}` }, script, as(page)),
  ];

  expect(answers.map(({ status }) => status)).toEqual([202, 200, 409, 400, 415, 401, 401, 400, 404]);
  for (const { headers, text } of answers) {
    expect(headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "x-content-type-options": "nosniff",
    });
    expect(text).not.toContain("script>");
  }
});
