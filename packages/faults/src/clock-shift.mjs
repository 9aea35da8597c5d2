// Loaded before a service: its clock is off by CLOCK_SHIFT_SECONDS. The monotonic clock is left as it is.
const shiftMs = Number(process.env.CLOCK_SHIFT_SECONDS ?? "0") * 1_000;
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(...given);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};
