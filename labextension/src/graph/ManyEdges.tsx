import { ViewportPortal } from '@xyflow/react';
import React from 'react';

import type { Layout } from './layout';

export interface ManyEdgesProps {
  layout: Layout;
  /** What is in view, in the graph's own measure. */
  top: number;
  bottom: number;
  /** The step whose edges stand out. */
  lit: string | null;
  /** Values flow to this step now. */
  isRunning: (step: string) => boolean;
}

/** The edges and outlines of a graph of many steps, as far as they are in view. */
export function ManyEdges({ layout, top, bottom, lit, isRunning }: ManyEdgesProps): React.JSX.Element {
  const edges = layout.edges.filter(({ ends }) => ends && ends.bottom >= top && ends.top <= bottom);
  const blocks = layout.blocks.filter(({ y, height }) => y + height >= top && y <= bottom);
  const isLit = ({ ends }: (typeof edges)[number]) => lit !== null && ends!.steps.has(lit);
  return (
    <ViewportPortal>
      <svg className="labline-ManyEdges" aria-hidden="true">
        {blocks.map(({ id, x, y, width, height }) => (
          <rect key={id} className="labline-Block" x={x} y={y} width={width} height={height} rx={8} />
        ))}
        {edges.map(edge => (
          <g key={edge.id} className={isRunning(edge.target) ? 'labline-mod-flowing' : undefined}>
            <path
              className={[
                'labline-Edge react-flow__edge-path',
                edge.label === '' && 'labline-mod-order',
                edge.faint && 'labline-mod-faint',
                isLit(edge) && 'labline-mod-lit'
              ]
                .filter(Boolean)
                .join(' ')}
              d={edge.path}
              markerEnd="url(#labline-arrow)"
            />
          </g>
        ))}
      </svg>
      {blocks.map(({ id, label, x, y }) => (
        <span key={id} className="labline-Block-label" style={{ transform: `translate(${x}px, ${y}px)` }}>
          {label}
        </span>
      ))}
      {edges
        .filter(({ label, faint }) => label !== '' && !faint)
        .map(edge => (
          <span
            key={edge.id}
            className={isLit(edge) ? 'labline-EdgeLabel labline-mod-lit' : 'labline-EdgeLabel'}
            style={{ transform: `translate(-50%, -50%) translate(${edge.labelX}px, ${edge.labelY}px)` }}
            title={edge.title}
            data-labline-edge={edge.id}
          >
            {edge.label}
          </span>
        ))}
    </ViewportPortal>
  );
}
