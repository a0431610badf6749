import '@xyflow/react/dist/base.css';

import {
  BaseEdge,
  ControlButton,
  Controls,
  EdgeLabelRenderer,
  Handle,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  type Edge,
  type EdgeProps,
  type Node,
  type NodeProps
} from '@xyflow/react';
import React, { useCallback, useEffect, useMemo, useRef, useState } from 'react';

import type { Graph, StepState } from '../api/types';
import { StateIcon } from '../ui/parts';
import { STATE_WORDS } from '../ui/words';
import { layout, NODE_HEIGHT, type PlacedEdge } from './layout';

/** What a node says besides its name. */
export interface StepLook {
  state: StepState | null;
  caption: string;
  hue: number;
  faulty: boolean;
}

export interface GraphViewProps {
  graph: Graph;
  looks: ReadonlyMap<string, StepLook>;
  selected?: string | null;
  onSelect: (step: string) => void;
  /** The graph is that of an earlier text of the notebook. */
  stale?: boolean;
  maxHeight: number;
}

type StepNode = Node<{ name: string; look: StepLook; current: boolean }, 'step'>;
type ValueEdge = Edge<PlacedEdge, 'values'>;

function StepNodeView({ data }: NodeProps<StepNode>): React.JSX.Element {
  const { name, look, current } = data;
  const words = [`Step ${name}`, look.state && STATE_WORDS[look.state], look.caption].filter(Boolean).join(', ');
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <button
        type="button"
        className="labline-Node"
        data-labline-node={name}
        data-labline-state={look.state ?? ''}
        data-labline-faulty={look.faulty || undefined}
        aria-label={words}
        aria-pressed={current}
        title={name}
        style={{ '--labline-hue': look.hue } as React.CSSProperties}
      >
        <span className="labline-Node-name">{name}</span>
        <span className="labline-Node-caption">{look.caption}</span>
        {look.state && <StateIcon state={look.state} />}
      </button>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </>
  );
}

function ValueEdgeView({ data, markerEnd }: EdgeProps<ValueEdge>): React.JSX.Element | null {
  if (!data) {
    return null;
  }
  const place = `translate(-50%, -50%) translate(${data.labelX}px, ${data.labelY}px)`;
  return (
    <>
      <BaseEdge
        path={data.path}
        markerEnd={markerEnd}
        className={data.label === '' ? 'labline-Edge labline-mod-order' : 'labline-Edge'}
      />
      {data.label !== '' && (
        <EdgeLabelRenderer>
          <span
            className="labline-EdgeLabel"
            style={{ transform: place }}
            title={data.title}
            data-labline-edge={data.id}
          >
            {data.label}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  );
}

const NODE_TYPES = { step: StepNodeView };
const EDGE_TYPES = { values: ValueEdgeView };
const MARGIN = 12;

function Flow(props: GraphViewProps): React.JSX.Element {
  const { graph, looks, selected = null, onSelect, stale = false, maxHeight } = props;
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const shape = JSON.stringify([graph.steps.map(step => step.name), graph.edges]);
  const placed = useMemo(() => layout(graph), [shape]);

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);

  const byWidth = width > 0 ? Math.min(1, (width - 2 * MARGIN) / placed.width) : 1;
  const height = Math.min(maxHeight, Math.max(96, Math.ceil(placed.height * byWidth) + 2 * MARGIN));

  // React Flow's own fitting looks at nodes only and would cut off labels at the sides.
  const fit = useCallback(() => {
    const zoom = Math.min(byWidth, (height - 2 * MARGIN) / placed.height);
    const x = (width - placed.width * zoom) / 2;
    const y = (height - placed.height * zoom) / 2;
    void flow.setViewport({ x, y, zoom });
  }, [flow, placed, width, height]);
  useEffect(fit, [fit]);

  const nodes: StepNode[] = placed.steps.map(({ name, x, y, width: nodeWidth }) => ({
    id: name,
    type: 'step',
    position: { x, y },
    // Sizes are known, so nothing is left to React Flow to measure: edges are drawn at once and stay.
    measured: { width: nodeWidth, height: NODE_HEIGHT },
    handles: [
      { type: 'target', position: Position.Top, x: nodeWidth / 2, y: 0, width: 1, height: 1 },
      { type: 'source', position: Position.Bottom, x: nodeWidth / 2, y: NODE_HEIGHT, width: 1, height: 1 }
    ],
    style: { width: nodeWidth, height: NODE_HEIGHT },
    focusable: false, // the button inside takes the focus
    data: {
      name,
      look: looks.get(name) ?? { state: null, caption: '', hue: 0, faulty: false },
      current: selected === name
    }
  }));
  const edges: ValueEdge[] = placed.edges.map(edge => ({
    id: edge.id,
    source: edge.source,
    target: edge.target,
    type: 'values',
    focusable: false,
    className: looks.get(edge.target)?.state === 'running' ? 'labline-mod-flowing' : undefined,
    markerEnd: 'labline-arrow',
    data: edge
  }));

  return (
    <div
      ref={frame}
      className={stale ? 'labline-Graph labline-mod-stale' : 'labline-Graph'}
      style={{ height }}
      data-labline-graph={graph.name}
      role="group"
      aria-label={`Graph of pipeline ${graph.name}: ${graph.steps.length} steps`}
    >
      <svg className="labline-Graph-markers" aria-hidden="true">
        <defs>
          <marker id="labline-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
            <path d="M0 0.5L7.5 4L0 7.5z" />
          </marker>
        </defs>
      </svg>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodeClick={(_, node) => onSelect(node.id)}
        minZoom={0.2}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        elementsSelectable={false}
        zoomOnScroll={false}
        zoomOnDoubleClick={false}
        preventScrolling={false}
        deleteKeyCode={null}
        disableKeyboardA11y
        proOptions={{ hideAttribution: true }}
      >
        <Controls showInteractive={false} showFitView={false} position="top-right">
          <ControlButton onClick={fit} title="Fit to view" aria-label="Fit to view">
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="M1 1h5v2H3v3H1zm9 0h5v5h-2V3h-3zM1 10h2v3h3v2H1zm12 0h2v5h-5v-2h3z" />
            </svg>
          </ControlButton>
        </Controls>
      </ReactFlow>
    </div>
  );
}

/** A pipeline as a graph. Loads React Flow and dagre: import it lazily. */
export default function GraphView(props: GraphViewProps): React.JSX.Element {
  return (
    <ReactFlowProvider>
      <Flow {...props} />
    </ReactFlowProvider>
  );
}
