/** Numbers and times as a reader wants them. */

export function formatSeconds(seconds: number): string {
  if (seconds < 0.0095) {
    return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(seconds < 0.995 ? 2 : 1)} s`;
  }
  if (seconds < 59.5) {
    return `${Math.round(seconds)} s`;
  }
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    return `${minutes} min ${whole % 60} s`;
  }
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Seconds of which nobody should believe more than the size. */
export function formatRoughly(seconds: number): string {
  if (seconds < 0.95) {
    return `${Math.max(0.1, seconds).toFixed(1)} s`;
  }
  if (seconds < 59.5) {
    return `${Math.round(seconds)} s`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${units[unit]}`;
}

/** A metric: four significant digits, whole numbers whole. */
export function formatNumber(value: number | null): string {
  if (value === null) {
    return 'not a number';
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e15) {
    return String(value);
  }
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e9 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
}

/** `now` and `then` in seconds since the epoch. */
export function formatAgo(then: number, now: number): string {
  const seconds = Math.max(0, now - then);
  if (seconds < 45) {
    return 'just now';
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) {
    return `${minutes} min ago`;
  }
  const hours = Math.round(minutes / 60);
  if (hours < 24) {
    return `${hours} h ago`;
  }
  const days = Math.round(hours / 24);
  return days === 1 ? 'yesterday' : `${days} days ago`;
}

export function formatDate(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** A moment to come, by the clocks of a time zone; without one by those of this browser. */
export function formatMoment(seconds: number, zone?: string): string {
  return new Intl.DateTimeFormat(undefined, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23', // as cron and its words have it
    timeZone: zone
  }).format(seconds * 1000);
}

/** `now` and `then` in seconds since the epoch, `then` the later one. */
export function formatIn(then: number, now: number): string {
  const seconds = then - now;
  if (seconds < 45) {
    return seconds < 0 ? 'due' : 'in a moment';
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) {
    return `in ${minutes} min`;
  }
  const hours = Math.round(minutes / 60);
  if (hours < 48) {
    return `in ${hours} h`;
  }
  return `in ${Math.round(hours / 24)} days`;
}

/** The seconds something took, or has taken so far. */
export function elapsed(started: number | null, ended: number | null, now: number): number | null {
  return started === null ? null : Math.max(0, (ended ?? now) - started);
}

/** The names on an edge, cut to fit; the whole list goes into a title. */
export function shortNames(names: readonly string[], length = 24): string {
  let text = '';
  for (const [index, name] of names.entries()) {
    const longer = text === '' ? name : `${text}, ${name}`;
    const left = names.length - index - 1;
    if (longer.length > length && text !== '') {
      return `${text} +${left + 1}`;
    }
    text = longer.length > length ? `${longer.slice(0, length - 1)}…` : longer;
  }
  return text;
}

/** The file name at the end of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
