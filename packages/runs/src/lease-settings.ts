/** Settings, so that fault tests can shorten them. */
export type LeaseSettings = {
  /** How long a runner holds a run without a sign of life. */
  leaseSeconds: number;
};
