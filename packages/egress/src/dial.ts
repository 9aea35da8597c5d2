import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { parseAddress } from "./address.ts";
import { bareName } from "./egress-allow.ts";
import { EgressError, type FailureCode } from "./failure.ts";
import { codeOf } from "./resolve.ts";
import type { Target } from "./target.ts";

/** Connects to exactly the target's address. Fails with an EgressError of stage CONNECT or TLS. */
export type Dial = (target: Target, signal: AbortSignal) => Promise<Socket>;

const CONNECT_MS = 3_000;
const TLS_MS = 5_000;
/** What OpenSSL says of a certificate chain that it does not accept. */
const UNTRUSTED = /^(CERT_|CRL_|DEPTH_ZERO_|ERROR_IN_CERT_|INVALID_|PATH_LENGTH_|SELF_SIGNED_|UNABLE_TO_)/;

/** @param options.ca certificates to trust instead of the built-in ones */
export function createDial(options: { ca?: string; connectMs?: number; tlsMs?: number } = {}): Dial {
  return async (target, signal) => {
    const socket = await connected(target, options.connectMs ?? CONNECT_MS, signal);
    if (!target.isTls) return socket;
    return secured(socket, target, options, signal);
  };
}

function connected(target: Target, connectMs: number, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host: target.address, port: target.port, autoSelectFamily: false, noDelay: true });
  return opened(socket, "connect", connectMs, signal, "CONNECT_TIMEOUT", (error) =>
    codeOf(error) === "ETIMEDOUT" ? "CONNECT_TIMEOUT" : "CONNECT_REFUSED",
  ).then(() => {
    if (parseAddress(socket.remoteAddress ?? "")?.text === target.address) return socket;
    socket.destroy();
    throw new EgressError("ADDRESS_BLOCKED", { rule: "PEER" });
  });
}

async function secured(
  plain: Socket,
  target: Target,
  options: { ca?: string; tlsMs?: number },
  signal: AbortSignal,
): Promise<Socket> {
  const name = bareName(target.host);
  const socket = connectTls({
    socket: plain,
    host: name,
    // Server Name Indication carries names only; the certificate of an address is compared with `host`.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ALPNProtocols: ["http/1.1"],
    rejectUnauthorized: true,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  await opened(socket, "secureConnect", options.tlsMs ?? TLS_MS, signal, "TLS_FAILED", tlsCode);
  return socket;
}

function tlsCode(error: unknown): FailureCode {
  const code = codeOf(error);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "TLS_HOST_MISMATCH";
  return UNTRUSTED.test(code) ? "TLS_UNTRUSTED" : "TLS_FAILED";
}

/** Waits for `event`; the socket is destroyed on everything else. */
function opened(
  socket: Socket,
  event: "connect" | "secureConnect",
  limitMs: number,
  signal: AbortSignal,
  onLimit: FailureCode,
  onError: (error: unknown) => FailureCode,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.removeListener(event, onOpen).removeListener("close", onClose);
      act();
    };
    const fail = (reason: unknown) =>
      settle(() => {
        socket.destroy();
        reject(reason);
      });
    const onOpen = () => settle(resolve);
    const onClose = () => fail(new EgressError(onError(undefined)));
    const onAbort = () => fail(signal.reason);
    const timer = setTimeout(() => fail(new EgressError(onLimit)), limitMs);
    // Stays for good: an error of a socket that nobody waits for must not end the process.
    socket.on("error", (cause) => fail(new EgressError(onError(cause), { cause })));
    socket.once(event, onOpen).once("close", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
