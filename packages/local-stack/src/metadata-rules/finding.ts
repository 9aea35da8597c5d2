/** One violation. `pointer` is a JSON pointer (RFC 6901) into the merged metadata object. */
export type Finding = { pointer: string; rule: MetadataRule; message: string };

export type MetadataRule =
  | "shape"
  | "permission-differs"
  | "unknown-role"
  | "empty-filter"
  | "tenant-term"
  | "live-term"
  | "secret-column"
  | "settable-key"
  | "missing-preset"
  | "columns-not-listed"
  | "missing-check"
  | "missing-limit"
  | "aggregates"
  | "anonymous"
  | "not-in-twin"
  | "not-in-metadata"
  | "action-differs"
  | "event-differs"
  | "event-payload"
  | "cron-differs"
  | "remote-schema-differs"
  | "tenant-preset"
  | "secret-header"
  | "endpoint-url"
  | "client-headers";
