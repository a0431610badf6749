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

import type { Graph, StepForecast, StepState } from '../api/types';
import type { ControlMark } from '../model/control';
import { StateIcon } from '../ui/parts';
import { STATE_WORDS } from '../ui/words';
import { neighbour } from './keys';
import { layout, NODE_HEIGHT, type PlacedEdge } from './layout';
import { layoutMany, MANY } from './many';
import { ManyEdges } from './ManyEdges';
import { StepMarks, type Mark } from './marks';
import { useView } from './view';

/** What a node says besides its name. */
export interface StepLook {
  state: StepState | null;
  caption: string;
  control: ControlMark | null;
  hue: number;
  faulty: boolean;
  marks: readonly Mark[];
  /** What becomes of it in the next run, and a sentence on why. */
  outcome?: StepForecast['outcome'];
  note?: string;
}

const BARE: StepLook = { state: null, caption: '', control: null, hue: 0, faulty: false, marks: [] };

export interface GraphViewProps {
  graph: Graph;
  looks: ReadonlyMap<string, StepLook>;
  selected?: string | null;
  onSelect: (step: string) => void;
  /** The graph is that of an earlier text of the notebook. */
  stale?: boolean;
  maxHeight: number;
}

type StepNodeData = {
  name: string;
  look: StepLook;
  current: boolean;
  /** Tab leads here. */
  stop: boolean;
  /** It gives values to the step that is pointed at, or takes some from it; told among many steps only. */
  near: boolean;
  /** It takes the focus. */
  wanted: boolean;
};

type StepNode = Node<StepNodeData, 'step'>;
type ValueEdge = Edge<PlacedEdge & { lit: boolean }, 'values'>;

function StepNodeView({ data }: NodeProps<StepNode>): React.JSX.Element {
  const { name, look, current, stop, near, wanted } = data;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (wanted) {
      button.current?.focus();
    }
  }, [wanted]);
  const marked = look.marks.map(({ title }) => title);
  const words = [
    `Step ${name}`,
    ...marked,
    look.state && STATE_WORDS[look.state],
    look.note ?? look.caption,
    look.control?.title
  ]
    .filter(Boolean)
    .join(', ');
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <button
        ref={button}
        type="button"
        className="labline-Node"
        data-labline-node={name}
        data-labline-state={look.state ?? ''}
        data-labline-faulty={look.faulty || undefined}
        data-labline-outcome={look.outcome}
        data-labline-near={near || undefined}
        aria-label={words}
        aria-pressed={current}
        tabIndex={stop ? 0 : -1}
        title={[name, ...marked, look.note].filter(Boolean).join('\n')}
        style={{ '--labline-hue': look.hue } as React.CSSProperties}
      >
        <span className="labline-Node-name">{name}</span>
        <StepMarks marks={look.marks} />
        <span className="labline-Node-caption">
          {look.control && (
            <span className="labline-Node-control" title={look.control.title}>
              {look.control.text}
            </span>
          )}
          {look.caption}
        </span>
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
        className={[
          'labline-Edge',
          data.label === '' && 'labline-mod-order',
          data.faint && 'labline-mod-faint',
          data.lit && 'labline-mod-lit'
        ]
          .filter(Boolean)
          .join(' ')}
      />
      {data.label !== '' && !data.faint && (
        <EdgeLabelRenderer>
          <span
            className={data.lit ? 'labline-EdgeLabel labline-mod-lit' : 'labline-EdgeLabel'}
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

/** The values that a step takes and hands on, in full. */
function Values({ graph, step }: { graph: Graph; step: string }): React.JSX.Element | null {
  const lines = graph.edges
    .filter(({ source, target }) => source === step || target === step)
    .map(({ source, target, names }) => ({
      way: source === step ? `to ${target}` : `from ${source}`,
      names: names.length > 0 ? names.join(', ') : 'order only'
    }));
  const more = lines.length - MOST_LINES;
  return lines.length === 0 ? null : (
    <dl className="labline-Graph-values" data-labline-values={step} aria-label={`Values of step ${step}`}>
      {lines.slice(0, MOST_LINES).map(({ way, names }) => (
        <div key={way}>
          <dt>{way}</dt>
          <dd>{names}</dd>
        </div>
      ))}
      {more > 0 && (
        <div>
          <dt>and</dt>
          <dd>{more === 1 ? '1 more step' : `${more} more steps`}</dd>
        </div>
      )}
    </dl>
  );
}

const NODE_TYPES = { step: StepNodeView };
const EDGE_TYPES = { values: ValueEdgeView };
const MARGIN = 12;
const UNKNOWN_WIDTH = 320; // taken until the place is measured
const MOST_LINES = 40;
const MOST_NEAR = 24; // that more than these stand out tells nothing: the edge of their block does
const COMFORT = 0.8; // the scale below which a graph is laid out anew for a narrow place
const LEGIBLE = 0.55; // and the one below which it is laid out in rows, since no name could be read

function Flow(props: GraphViewProps): React.JSX.Element {
  const { graph, looks, selected = null, onSelect, stale = false, maxHeight } = props;
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const shape = useMemo(() => JSON.stringify([graph.steps.map(step => step.name), graph.edges]), [graph]);
  const wide = useMemo(() => (graph.steps.length >= MANY ? null : layout(graph)), [shape]);
  const isNarrow = wide !== null && width > 0 && width < wide.width * COMFORT;
  const drawn = useMemo(() => (isNarrow ? layout(graph, true) : wide), [shape, wide, isNarrow]);
  const many = drawn === null || (width > 0 && width - 2 * MARGIN < drawn.width * LEGIBLE);
  const room = many ? (width || UNKNOWN_WIDTH) - 2 * MARGIN : 0;
  const placed = useMemo(
    () => (many || drawn === null ? layoutMany(graph, room) : drawn),
    [shape, drawn, many, room]
  );
  const [pointed, setPointed] = useState<string | null>(null);
  const [focused, setFocused] = useState<string | null>(null);

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);

  // As wide as the place allows, and as high as that makes it: what is higher than its place scrolls.
  const zoom = width > 0 ? Math.min(1, (width - 2 * MARGIN) / placed.width) : 1;
  const height = Math.max(96, Math.ceil(placed.height * zoom) + 2 * MARGIN);

  // React Flow's own fitting looks at nodes only and would cut off labels at the sides.
  const fit = useCallback(() => {
    const x = (width - placed.width * zoom) / 2;
    const y = (height - placed.height * zoom) / 2;
    void flow.setViewport({ x, y, zoom });
  }, [flow, placed, width, height]);
  useEffect(fit, [fit]);

  // What failed, or else what runs, is brought into view once.
  const inState = (state: StepState) => placed.steps.find(({ name }) => looks.get(name)?.state === state);
  const eventful = inState('failed') ?? inState('running');
  useEffect(() => {
    const at = eventful ? eventful.y * zoom - (frame.current?.scrollTop ?? 0) : 0;
    const inView = at >= 0 && at + NODE_HEIGHT * zoom <= maxHeight;
    if (eventful && width > 0 && height > maxHeight && !inView) {
      frame.current?.scrollTo({ top: eventful.y * zoom - maxHeight / 2, behavior: 'smooth' });
    }
  }, [eventful?.name, width > 0]);

  // What is selected stays in view where the words about it take some of the room.
  useEffect(() => {
    const step = placed.steps.find(({ name }) => name === selected);
    if (step && width > 0 && height > maxHeight) {
      const [top, bottom] = [step.y * zoom, (step.y + NODE_HEIGHT) * zoom + 2 * MARGIN];
      const at = frame.current!.scrollTop;
      frame.current!.scrollTop = Math.max(bottom - maxHeight, Math.min(at, top));
    }
  }, [selected, maxHeight]);

  // One stop for Tab; arrows go from step to step.
  const names = useMemo(() => new Set<string | null>(placed.steps.map(({ name }) => name)), [placed]);
  const stop = [focused, selected].find(name => names.has(name)) ?? placed.steps[0]?.name;
  const [goal, setGoal] = useState<string | null>(null); // out of view, to be focused as soon as it has a node
  const onKey = (event: React.KeyboardEvent) => {
    const at = (event.target as HTMLElement).dataset.lablineNode;
    const next = at === undefined ? null : neighbour(placed.steps, at, event.key);
    if (next !== null) {
      event.preventDefault();
      const node = frame.current?.querySelector<HTMLElement>(`[data-labline-node='${next}']`);
      if (node) {
        node.focus();
      } else {
        setGoal(next);
      }
    }
  };

  // Of many steps only those in view have nodes, and the one that Tab leads to.
  const view = useView(frame, maxHeight, many);
  const lit = pointed ?? selected;
  const near = useMemo(() => {
    const ends = many && lit !== null ? graph.edges : [];
    const steps = ends.flatMap(({ source, target }) =>
      source === lit ? [target] : target === lit ? [source] : []
    );
    return new Set(steps.length <= MOST_NEAR ? steps : []);
  }, [graph, many, lit]);
  const shown = placed.steps.filter(
    ({ name, y }) => (y + NODE_HEIGHT >= view.top && y <= view.bottom) || name === stop || name === goal
  );

  const nodes: StepNode[] = shown.map(({ name, x, y, width: nodeWidth }) => ({
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
      look: looks.get(name) ?? BARE,
      current: selected === name,
      stop: name === stop,
      near: near.has(name),
      wanted: name === goal
    }
  }));
  const edges: ValueEdge[] = (many ? [] : placed.edges).map(edge => ({
    id: edge.id,
    source: edge.source,
    target: edge.target,
    type: 'values',
    focusable: false,
    className: looks.get(edge.target)?.state === 'running' ? 'labline-mod-flowing' : undefined,
    markerEnd: 'labline-arrow',
    data: { ...edge, lit: edge.source === lit || edge.target === lit }
  }));

  return (
    <div
      className={stale ? 'labline-Graph labline-mod-stale' : 'labline-Graph'}
      data-labline-graph={graph.name}
      role="group"
      aria-label={`Graph of pipeline ${graph.name}: ${graph.steps.length} steps`}
    >
      <svg className="labline-Graph-markers" aria-hidden="true">
        <defs>
          <marker
            id="labline-arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            orient="auto"
          >
            <path d="M0 0.5L7.5 4L0 7.5z" />
          </marker>
        </defs>
      </svg>
      <div
        ref={frame}
        className="labline-Graph-frame"
        style={{ maxHeight }}
        onKeyDown={onKey}
        onFocus={event => {
          setFocused(event.target.dataset.lablineNode ?? null);
          setGoal(null);
        }}
      >
        <div style={{ height }}>
          <ReactFlow
            nodes={nodes}
            edges={edges}
            nodeTypes={NODE_TYPES}
            edgeTypes={EDGE_TYPES}
            onNodeClick={(_, node) => onSelect(node.id)}
            onNodeMouseEnter={(_, node) => setPointed(node.id)}
            onNodeMouseLeave={() => setPointed(null)}
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
            {many && (
              <ManyEdges
                layout={placed}
                {...view}
                lit={lit}
                isRunning={step => looks.get(step)?.state === 'running'}
              />
            )}
          </ReactFlow>
        </div>
      </div>
      <Controls showInteractive={false} showFitView={false} position="top-right">
        <ControlButton onClick={fit} title="Fit to view" aria-label="Fit to view">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M1 1h5v2H3v3H1zm9 0h5v5h-2V3h-3zM1 10h2v3h3v2H1zm12 0h2v5h-5v-2h3z" />
          </svg>
        </ControlButton>
      </Controls>
      {selected !== null && looks.get(selected)?.note && (
        <p className="labline-Graph-note">{looks.get(selected)!.note}</p>
      )}
      {selected !== null && <Values graph={graph} step={selected} />}
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
