/** Where a call failed, in the order in which the checks are made. */
export type Stage = "POLICY" | "DNS" | "CONNECT" | "TLS" | "HTTP";

type Kind = { readonly stage: Stage; readonly message: string; readonly isTemporary: boolean };

const FAILURES = {
  REQUEST_INVALID: policy("the method, a header or the body cannot be sent"),
  URL_INVALID: policy("the URL is not http or https, names a user, or would carry a credential without TLS"),
  HOST_NOT_ALLOWED: policy("the host is not one of the allowed hosts"),
  PORT_NOT_ALLOWED: policy("the port is not 80, 443 or 8443"),
  ADDRESS_BLOCKED: policy("the host is not on the public internet"),
  DNS_NOT_FOUND: { stage: "DNS", message: "the host name has no address", isTemporary: true },
  DNS_TIMEOUT: { stage: "DNS", message: "the host name could not be looked up in time", isTemporary: true },
  CONNECT_REFUSED: { stage: "CONNECT", message: "the connection was refused", isTemporary: true },
  CONNECT_TIMEOUT: { stage: "CONNECT", message: "the connection did not come about in time", isTemporary: true },
  TLS_UNTRUSTED: { stage: "TLS", message: "the certificate is not trusted or not valid now", isTemporary: false },
  TLS_HOST_MISMATCH: { stage: "TLS", message: "the certificate is for another host", isTemporary: false },
  TLS_FAILED: { stage: "TLS", message: "the TLS handshake failed", isTemporary: true },
  TIMEOUT: { stage: "HTTP", message: "the answer did not come in time", isTemporary: true },
  TOO_MANY_REDIRECTS: { stage: "HTTP", message: "the answer redirects too often", isTemporary: false },
  RESPONSE_TOO_LARGE: { stage: "HTTP", message: "the answer is too large", isTemporary: false },
  RESPONSE_INVALID: {
    stage: "HTTP",
    message: "the answer is not HTTP, is cut off or cannot be unpacked",
    isTemporary: true,
  },
} as const satisfies Record<string, Kind>;

export type FailureCode = keyof typeof FAILURES;

/** The rule that refused a target, finer than the code; for logs and tests. */
export type Rule = "URL" | "SCHEME" | "HOST" | "PORT" | "NAME" | "ADDRESS" | "DNS" | "PEER";

export type Failure = {
  readonly outcome: "failed";
  readonly stage: Stage;
  readonly code: FailureCode;
  /** One fixed text per code. */
  readonly message: string;
  /** Whether the same call may succeed later. */
  readonly isTemporary: boolean;
  readonly rule: Rule | undefined;
  /** 0 for the request itself, n for its n-th redirect. */
  readonly hop: number;
};

/** Raised inside this package; callers get a {@link Failure}. */
export class EgressError extends Error {
  readonly code: FailureCode;
  readonly rule: Rule | undefined;

  constructor(code: FailureCode, options: { rule?: Rule; cause?: unknown } = {}) {
    super(FAILURES[code].message, { cause: options.cause });
    this.name = "EgressError";
    this.code = code;
    this.rule = options.rule;
  }
}

export function failureOf({ code, rule }: EgressError, hop: number): Failure {
  return { outcome: "failed", code, ...FAILURES[code], rule, hop };
}

function policy(message: string) {
  return { stage: "POLICY", message, isTemporary: false } as const;
}
