import type { FailureCode, Stage } from "@control-plane/egress";

/** Where a use of a connection can fail, in the order in which it is tried; DONE is behind all of them. */
export type TestStage = "DECRYPT" | "TOKEN" | "ASSERT" | "DONE" | Stage;

export type TestCode =
  | FailureCode
  | "DECRYPT_FAILED"
  | "TOKEN_REJECTED"
  | "TOKEN_INVALID_ANSWER"
  | "AUTH_REJECTED"
  | "STATUS_UNEXPECTED"
  | "ASSERT_FAILED"
  | "OK"
  | "NO_TEST";

export type Diagnosis = { readonly message: string; readonly hint: string | null };

/** Fixed texts: nothing of an answer, an address or a secret gets into them. */
export const DIAGNOSES = {
  OK: { message: "the connection works", hint: null },
  NO_TEST: { message: "there is nothing to test", hint: "the app needs no sign-in and names no test request" },
  DECRYPT_FAILED: {
    message: "the stored secret cannot be opened",
    hint: "enter the secrets anew with updateConnectionSecrets",
  },
  REQUEST_INVALID: {
    message: "the request cannot be sent as it is",
    hint: "look for characters in the secrets that a header cannot hold",
  },
  URL_INVALID: {
    message: "the URL is not one that may be called",
    hint: "it has to be https, without user and password in it",
  },
  HOST_NOT_ALLOWED: {
    message: "the host is not one of the app's allowed hosts",
    hint: "correct the base URL, or publish an app version that names the host",
  },
  PORT_NOT_ALLOWED: { message: "the port is not open for calls", hint: "80, 443 and 8443 are" },
  ADDRESS_BLOCKED: {
    message: "the host is not on the public internet",
    hint: "only an operator can open an address inside, with EGRESS_ALLOW",
  },
  DNS_NOT_FOUND: { message: "the host name has no address", hint: "look for a mistake in the base URL" },
  DNS_TIMEOUT: { message: "the host name could not be looked up in time", hint: "try again in a moment" },
  CONNECT_REFUSED: {
    message: "the host refuses connections",
    hint: "the service may be down, or the base URL names a wrong port",
  },
  CONNECT_TIMEOUT: {
    message: "no connection came about in time",
    hint: "the service may be down, or a firewall keeps our calls out",
  },
  TLS_UNTRUSTED: {
    message: "the host's certificate is not trusted",
    hint: "it has expired, signs itself, or lacks its intermediate certificates",
  },
  TLS_HOST_MISMATCH: {
    message: "the certificate is for another host",
    hint: "use the name that the certificate names",
  },
  TLS_FAILED: { message: "no secure connection came about", hint: "the host has to speak TLS 1.2 or newer" },
  TOKEN_REJECTED: {
    message: "the sign-in service rejects the client",
    hint: "check client id, client secret and scopes",
  },
  TOKEN_INVALID_ANSWER: {
    message: "the sign-in service answers without a usable token",
    hint: "check the token URL; the answer has to be JSON with an access_token of type Bearer",
  },
  TIMEOUT: { message: "the answer did not come in time", hint: "the service is slow or stuck; try again later" },
  TOO_MANY_REDIRECTS: { message: "the answer redirects too often", hint: "use the address that it leads to" },
  RESPONSE_TOO_LARGE: { message: "the answer is too large", hint: "test with a request whose answer is below 64 KiB" },
  RESPONSE_INVALID: {
    message: "the answer is not HTTP, is cut off or cannot be unpacked",
    hint: "the base URL may lead to something that is no web service",
  },
  AUTH_REJECTED: { message: "the service rejects the secret", hint: "check the secret and what it is allowed to do" },
  STATUS_UNEXPECTED: {
    message: "the service answers with another status than expected",
    hint: "check the base URL; the snippet shows what it says",
  },
  ASSERT_FAILED: {
    message: "the answer does not say what a working connection says",
    hint: "the service may report a wrong secret with status 200; the snippet shows what it says",
  },
} as const satisfies Record<TestCode, Diagnosis>;
