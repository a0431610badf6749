import type { Answered, TrafficPoint } from '../api/endpoints';

/** What a chart shows of a version's answers. */
export type Measure = (answered: Answered, seconds: number) => number;

/** Values at moments; `null` where there was nothing to measure. */
export interface Line {
  version: string;
  values: (number | null)[];
}

export const rate: Measure = ({ requests }, seconds) => (seconds > 0 ? requests / seconds : 0);
export const latency: Measure = ({ slow }) => slow;
export const errors: Measure = ({ errors, requests }) => (requests > 0 ? errors / requests : 0);

/** A line for each version that answers or has answered; without `idle` a stretch without answers is a gap. */
export function lines(
  points: readonly TrafficPoint[],
  measure: Measure,
  idle: number | null,
  serving: readonly string[] = []
): Line[] {
  return versionsOf(points, serving).map(version => ({
    version,
    values: points.map(({ versions, seconds }) =>
      versions[version] === undefined ? idle : measure(versions[version], seconds)
    )
  }));
}

/** The versions that answer or have answered, the oldest first: each has its colour before it is asked anything. */
export function versionsOf(points: readonly TrafficPoint[], serving: readonly string[] = []): string[] {
  const versions = new Set([...serving, ...points.flatMap(point => Object.keys(point.versions))]);
  return [...versions].sort((one, other) => Number(one) - Number(other));
}

export interface Summary {
  rate: number;
  /** The share of the answers that were errors; `null` without answers. */
  errors: number | null;
  /** Seconds within which nine tenths came, in the slowest stretch; `null` without answers. */
  slow: number | null;
}

/** The last `seconds` in three numbers. */
export function summary(points: readonly TrafficPoint[], seconds: number): Summary {
  const end = points[points.length - 1]?.time ?? 0;
  const recent = points.filter(point => point.time > end - seconds);
  const answers = recent.flatMap(point => Object.values(point.versions));
  const span = recent.reduce((sum, point) => sum + point.seconds, 0);
  const requests = answers.reduce((sum, { requests }) => sum + requests, 0);
  const failed = answers.reduce((sum, { errors }) => sum + errors, 0);
  return {
    rate: span > 0 ? requests / span : 0,
    errors: requests > 0 ? failed / requests : null,
    slow: requests > 0 ? Math.max(...answers.map(({ slow }) => slow)) : null
  };
}

/** How long ago the first of the points is, in words; empty where that is less than a minute. */
export function reach(points: readonly TrafficPoint[]): string {
  const seconds = points.length > 0 ? points[points.length - 1].time - points[0].time : 0;
  const minutes = Math.round(seconds / 60);
  return minutes > 0 ? `${minutes} min ago` : '';
}

/** The next number from `value` on that a scale may end with. */
export function ceiling(value: number): number {
  if (!(value > 0)) {
    return 1;
  }
  const size = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find(each => each * size >= value * 0.999) ?? 10;
  return step * size;
}

/** The path of a line in a box of this size: the newest value at its right edge. */
export function pathOf(
  values: readonly (number | null)[],
  top: number,
  width: number,
  height: number
): string {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let path = '';
  let drawn = false;
  values.forEach((value, index) => {
    if (value === null) {
      drawn = false;
      return;
    }
    const x = (values.length > 1 ? index * step : width).toFixed(1);
    const y = (height - (Math.min(value, top) / top) * height).toFixed(1);
    const alone = !drawn && (values[index + 1] ?? null) === null;
    path += `${drawn ? 'L' : 'M'}${x} ${y}${alone ? 'h0.1' : ''}`;
    drawn = true;
  });
  return path;
}
