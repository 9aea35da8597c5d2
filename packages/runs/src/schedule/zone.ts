/** A time with one offset from UTC, from `start` until the next piece; milliseconds, the offset too. */
type Piece = { start: number; offset: number };

/** What the wall clocks of a zone show. Times are milliseconds; local ones read as if the wall clock showed UTC. */
export type Zone = {
  /** The furthest that the wall clock has ever shown before `instant`: it falls behind that when clocks go back. */
  shownBefore(instant: number): number;
  /** The first instant at which the wall clock shows `local` or, where it leaps over it, something later. */
  firstInstantOf(local: number): number;
};

/** `Etc/GMT+5`, `America/Argentina/Buenos_Aires`, `UTC`; an offset such as +02:00 is no name. */
const NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

/** The names are few, in whatever case they are written, so this does not grow. */
const known = new Map<string, Zone>();

/** Undefined for a name that is not in the time zone database. */
export function findZone(name: string): Zone | undefined {
  if (!NAME.test(name)) return undefined;
  const key = name.toLowerCase();
  const cached = known.get(key);
  if (cached !== undefined) return cached;
  const offsetAt = offsetsOf(name);
  if (offsetAt === undefined) return undefined;
  const zone = createZone(offsetAt);
  known.set(key, zone);
  return zone;
}

const OFFSET = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/;

function offsetsOf(timeZone: string): ((instant: number) => number) | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  } catch {
    return undefined;
  }
  return (instant) => {
    const [, sign, hours, minutes, seconds] = OFFSET.exec(format.format(instant)) ?? [];
    const size = Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000 + Number(seconds ?? 0) * 1_000;
    return sign === "-" ? -size : size;
  };
}

/** No zone changes its offset twice within one cell. */
const CELL_MS = 8 * 3_600_000;
/** About 85 days; whoever asks for more begins anew. */
const CELLS_KEPT_MAX = 256;
/** No two offsets are further apart, so no wall clock leaps further. */
export const LEAP_MS_MAX = 26 * 3_600_000;
/** No offset is larger. */
const OFFSET_MS_MAX = 16 * 3_600_000;

function createZone(offsetAt: (instant: number) => number): Zone {
  const cells = new Map<number, readonly Piece[]>();
  const cellOf = (index: number): readonly Piece[] => {
    const kept = cells.get(index);
    if (kept !== undefined) return kept;
    if (cells.size >= CELLS_KEPT_MAX) cells.clear();
    const pieces = piecesOfCell(offsetAt, index * CELL_MS);
    cells.set(index, pieces);
    return pieces;
  };
  const piecesWithin = (from: number, to: number): Piece[] => {
    const pieces: Piece[] = [];
    for (let index = Math.floor(from / CELL_MS); index * CELL_MS < to; index++) pieces.push(...cellOf(index));
    return pieces;
  };
  return {
    shownBefore(instant) {
      const pieces = piecesWithin(instant - LEAP_MS_MAX, instant).filter(({ start }) => start < instant);
      return Math.max(
        ...pieces.map(({ offset }, index) => Math.min(pieces[index + 1]?.start ?? instant, instant) + offset),
      );
    },
    firstInstantOf(local) {
      const pieces = piecesWithin(local - OFFSET_MS_MAX, local + OFFSET_MS_MAX);
      for (const [index, { start, offset }] of pieces.entries()) {
        const instant = Math.max(start, local - offset);
        if (instant < (pieces[index + 1]?.start ?? Number.POSITIVE_INFINITY)) return instant;
      }
      return local;
    },
  };
}

function piecesOfCell(offsetAt: (instant: number) => number, start: number): readonly Piece[] {
  const offset = offsetAt(start);
  const next = offsetAt(start + CELL_MS);
  if (next === offset) return [{ start, offset }];
  let [before, after] = [start, start + CELL_MS];
  // Clocks change at a full second.
  while (after - before > 1_000) {
    const middle = before + Math.floor((after - before) / 2_000) * 1_000;
    if (offsetAt(middle) === offset) before = middle;
    else after = middle;
  }
  return [
    { start, offset },
    { start: after, offset: next },
  ];
}
