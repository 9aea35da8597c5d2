/** How long a runner holds a run without a sign of life. Settings, so that fault tests can shorten them. */
export type LeaseSettings = {
  /** Seconds. */
  leaseSeconds: number;
};

export type SweepSettings = {
  /** Seconds after a cancel request until the run is CANCELLED without its runner. */
  cancelGraceSeconds: number;
  /** Seconds after which a QUEUED row is checked for its job. */
  queuedCheckSeconds: number;
  /** Rows per sweep and kind. */
  batch: number;
};

/** Events that arrived ahead of a gap and are kept, per attempt. */
export const BUFFERED_EVENTS_MAX = 1_000;
