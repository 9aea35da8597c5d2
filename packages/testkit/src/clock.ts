export type Clock = {
  /** What goes into `deps.now`. The database has its own clock: move its rows instead. */
  now(): Date;
  set(instant: Date): void;
  advance(step: { seconds?: number; minutes?: number; hours?: number; days?: number }): void;
};

/** Starts at the real time and stands still until it is moved. */
export function createClock(): Clock {
  let instant = new Date();
  return {
    now: () => new Date(instant),
    set(next) {
      instant = new Date(next);
    },
    advance({ seconds = 0, minutes = 0, hours = 0, days = 0 }) {
      instant = new Date(instant.getTime() + (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000);
    },
  };
}
