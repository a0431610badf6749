import React, { lazy, Suspense } from 'react';

import type { GraphViewProps } from './GraphView';

const GraphView = lazy(() => import('./GraphView'));

/** The graph, in a chunk of its own that loads when one is first shown. */
export function LazyGraph(props: GraphViewProps): React.JSX.Element {
  return (
    <Suspense fallback={<div className="labline-Graph labline-mod-loading" />}>
      <GraphView {...props} />
    </Suspense>
  );
}
