import React from 'react';

import type { GraphStep } from '../api/types';

/** Something that is special about a step, whatever its state. */
export interface Mark {
  kind: 'exit';
  title: string;
}

// Drawn in a box of 16, as the states are.
const SHAPES: Readonly<Record<Mark['kind'], React.JSX.Element>> = {
  exit: <path d="M4 14.5v-12h8.5l-2 3 2 3H4" />
};

export function marksOf(step: GraphStep): Mark[] {
  return step.exit ? [{ kind: 'exit', title: 'Always runs, with the outcome' }] : [];
}

export function StepMarks({ marks }: { marks: readonly Mark[] }): React.JSX.Element | null {
  return marks.length === 0 ? null : (
    <span className="labline-Marks">
      {marks.map(({ kind, title }) => (
        <svg key={kind} data-labline-mark={kind} viewBox="0 0 16 16" role="img" aria-label={title}>
          <title>{title}</title>
          {SHAPES[kind]}
        </svg>
      ))}
    </span>
  );
}
