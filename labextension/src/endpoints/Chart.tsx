import React, { useId } from 'react';

import type { TrafficPoint } from '../api/endpoints';
import { ceiling, lines, pathOf, reach, versionsOf, type Measure } from './traffic';

const WIDTH = 300;
const HEIGHT = 90;
const DASHES = [undefined, '6 3', '2 3'];

export interface ChartProps {
  name: string;
  title: string;
  points: readonly TrafficPoint[];
  /** The versions that answer now. */
  serving: readonly string[];
  measure: Measure;
  /** What stands for a stretch without answers; `null`: a gap. */
  idle: number | null;
  /** The least that the scale reaches to. */
  least: number;
  format: (value: number) => string;
}

/** A measure over the last minutes, with a line for each version. */
export function Chart(props: ChartProps): React.JSX.Element {
  const { name, title, points, serving, measure, idle, least, format } = props;
  const id = useId();
  const drawn = lines(points, measure, idle, serving);
  const values = drawn.flatMap(line => line.values.filter(value => value !== null));
  const top = ceiling(Math.max(least, ...values));
  const last = drawn.map(({ version, values }) => {
    const value = [...values].reverse().find(each => each !== null);
    return `version ${version} ${value === undefined || value === null ? 'nothing' : format(value)}`;
  });
  const said =
    last.length > 0 ? `last ${last.join(', ')}; at most ${format(Math.max(...values, 0))}` : 'no answers';
  return (
    <figure className="labline-Chart" data-labline-chart={name}>
      <figcaption id={id}>{title}</figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${said}`}
      >
        {[0, 0.5, 1].map(part => (
          <path key={part} className="labline-Chart-grid" d={`M0 ${HEIGHT * part}h${WIDTH}`} />
        ))}
        {drawn.map(({ version, values }, index) => (
          <path
            key={version}
            className="labline-Chart-line"
            data-labline-line={index % 3}
            strokeDasharray={DASHES[index % 3]}
            d={pathOf(values, top, WIDTH, HEIGHT)}
          />
        ))}
      </svg>
      <span className="labline-Chart-top" aria-hidden="true">
        {format(top)}
      </span>
      <span className="labline-Chart-bottom" aria-hidden="true">
        0
      </span>
      <span className="labline-Chart-time" aria-hidden="true">
        <span>{reach(points)}</span>
        <span>now</span>
      </span>
    </figure>
  );
}

/** Which line is which version's. */
export function Legend({ points, serving }: Pick<ChartProps, 'points' | 'serving'>): React.JSX.Element {
  return (
    <ul className="labline-Legend" aria-label="Lines">
      {versionsOf(points, serving).map((version, index) => (
        <li key={version}>
          <svg viewBox="0 0 24 8" aria-hidden="true">
            <path
              className="labline-Chart-line"
              data-labline-line={index % 3}
              strokeDasharray={DASHES[index % 3]}
              d="M0 4h24"
            />
          </svg>
          version {version}
        </li>
      ))}
    </ul>
  );
}
