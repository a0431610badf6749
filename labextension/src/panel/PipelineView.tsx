import type { JupyterFrontEnd } from '@jupyterlab/application';
import React, { useEffect, useLayoutEffect, useRef } from 'react';

import type { LablineClient } from '../api/client';
import { isActive, isBusy, seenError, type Finding, type RunDetail } from '../api/types';
import { LazyGraph } from '../graph';
import { stepLooks } from '../graph/looks';
import { baseName, elapsed, formatAgo, formatSeconds } from '../model/format';
import { TAG_COMMITTED, TAG_TO_PANEL, type NotebookPipeline } from '../model/pipeline';
import { OutOfSight } from '../runs/OutOfSight';
import { NotVerified, SmallSeal, Verifying } from '../runs/Seal';
import type { ILablineNotebooks, IPipelineNotebook } from '../tokens';
import { useHeight, useNow, useSignals, useStateOf } from '../ui/hooks';
import {
  Empty,
  LinkButton,
  Notice,
  PageLink,
  RunAgain,
  Section,
  StateBadge,
  Tick,
  WithCode
} from '../ui/parts';
import { Findings } from './Findings';
import { Parameters } from './Parameters';
import { RunControls, whyNot } from './RunControls';
import { StepOptionsLine } from './StepOptionsLine';
import { SuggestionView } from './SuggestionView';

const LEAST = 320; // pixels that a graph may have in any case
const HEADING = 48; // left below it, so that it is seen that there is more
const DETAILS = 180; // left for what is told of the selected step

export interface PipelineViewProps {
  notebooks: ILablineNotebooks;
  client: LablineClient;
  commands: JupyterFrontEnd['commands'];
  openRun: (run: string) => void;
  openRuns: () => void;
}

/** The Pipeline panel: graph, findings, parameters and Run for the notebook in use. */
export function PipelineView(props: PipelineViewProps): React.JSX.Element {
  const { notebooks } = props;
  useSignals(notebooks.currentChanged);
  const { current } = notebooks;
  if (!current) {
    return (
      <div className="labline-Panel-body">
        <Empty title="No notebook is open">Open a notebook to see its pipeline here.</Empty>
      </div>
    );
  }
  return <NotebookView key={current.notebook.panel.id} entry={current} {...props} />;
}

type NotebookViewProps = PipelineViewProps & { entry: IPipelineNotebook };

function NotebookView({ entry, client, commands, openRun, openRuns }: NotebookViewProps): React.JSX.Element {
  const { notebook, pipeline } = entry;
  useSignals(pipeline.changed);
  useEffect(() => {
    const watch = pipeline.watch();
    return () => watch.dispose();
  }, [pipeline]);
  useMeasuredCommits(pipeline);

  const [selected, setSelected] = useStateOf<string | null>(pipeline, 'selected', null);
  const { compilation, graph, run, findings, forecaster } = pipeline;
  const running = run !== null && isBusy(run);
  const next = running || pipeline.isStarting ? null : forecaster.forecast;
  const now = useNow(running);
  const parameters = compilation?.pipeline?.parameters ?? graph?.parameters ?? [];
  const untagged = pipeline.cells.every(cell => cell.step === null);
  const body = useRef<HTMLDivElement>(null);
  const height = useHeight(body);

  const jump = ({ cell_id, line, column }: Finding) => void (cell_id && notebook.goTo(cell_id, line, column));
  const select = (step: string) => {
    setSelected(step);
    const first = graph?.steps.find(candidate => candidate.name === step)?.cells[0];
    if (first) {
      void notebook.reveal(first.id);
    }
  };

  return (
    <>
      <div className="labline-Panel-head">
        <h2 title={notebook.path}>{baseName(notebook.path)}</h2>
        <RunControls
          pipeline={pipeline}
          client={client}
          commands={commands}
          selected={graph?.steps.some(({ name }) => name === selected) ? selected : null}
          running={running}
        />
        {run && <LastRun run={run} now={now} openRun={openRun} />}
        {run && <OutOfSight run={run} client={client} />}
        {run && <Verifying run={run} />}
        {run && <NotVerified run={run} />}
        {run?.certificate && <SmallSeal certificate={run.certificate} />}
      </div>
      <div ref={body} className="labline-Panel-body" tabIndex={-1}>
        {pipeline.trouble && <Notice kind="error">{pipeline.trouble} Trying again.</Notice>}
        {pipeline.applied && <Applied pipeline={pipeline} />}
        {run && <Seen pipeline={pipeline} run={run} />}
        {untagged && !pipeline.trouble && (
          <SuggestionView pipeline={pipeline} reveal={cell => void notebook.reveal(cell)} />
        )}
        {graph && !untagged && (
          <div className={forecaster.isStale ? 'labline-mod-foreseeing' : undefined}>
            <LazyGraph
              graph={graph}
              looks={stepLooks(graph, run?.steps ?? [], findings, pipeline.hues, now, next, step =>
                pipeline.activity(step)
              )}
              selected={selected}
              onSelect={select}
              stale={compilation !== null && compilation.pipeline === null}
              maxHeight={Math.max(LEAST, height - (selected === null ? HEADING : DETAILS))}
            />
          </div>
        )}
        {selected !== null && !untagged && graph?.steps.some(({ name }) => name === selected) && (
          <StepOptionsLine notebook={notebook} commands={commands} step={selected} />
        )}
        {findings.length > 0 && (
          <Section name="findings" title="Findings" count={findings.length}>
            <Findings findings={findings} onJump={jump} onFix={edit => pipeline.apply(edit)} />
          </Section>
        )}
        {(!pipeline.useObserved || (compilation?.observed ?? []).length > 0) && (
          <Section
            name="observed"
            title="Seen in earlier runs"
            count={compilation?.observed?.length}
            folded={pipeline.useObserved}
          >
            <Observed pipeline={pipeline} facts={compilation?.observed ?? []} />
          </Section>
        )}
        {parameters.length > 0 && (
          <Section name="parameters" title="Parameters">
            <Parameters
              parameters={parameters}
              overrides={pipeline.overrides}
              onChange={(name, literal) => pipeline.setParameter(name, literal)}
            />
          </Section>
        )}
      </div>
      <div className="labline-Panel-foot">
        <LinkButton action="all-runs" onClick={openRuns}>
          All runs
        </LinkButton>
        <PageLink href={run?.mlflow?.url ? client.pageUrl(run.mlflow.url) : client.mlflowUrl}>
          MLflow
        </PageLink>
      </div>
    </>
  );
}

interface LastRunProps {
  run: RunDetail;
  now: number;
  openRun: (run: string) => void;
}

function LastRun({ run, now, openRun }: LastRunProps): React.JSX.Element {
  const seconds = elapsed(run.started, run.ended, now);
  const when = isActive(run.state)
    ? `${run.steps_done} of ${run.steps_total} steps`
    : formatAgo(run.created, now);
  return (
    <div className="labline-LastRun" data-labline-run={run.id} data-labline-state={run.state}>
      <StateBadge state={run.state} />
      <span className="labline-LastRun-time">
        {seconds !== null && <span>{formatSeconds(seconds)} ·</span>} <span>{when}</span>
      </span>
      <LinkButton action="open-run" onClick={() => openRun(run.id)}>
        Open run
      </LinkButton>
    </div>
  );
}

/** Why a guard stopped the last run, and the way on. */
function Seen({ pipeline, run }: { pipeline: NotebookPipeline; run: RunDetail }): React.JSX.Element | null {
  const error = seenError(run);
  if (!error || !pipeline.useObserved) {
    return null;
  }
  return (
    <div className="labline-Notice" data-labline-notice="error" data-labline-seen={error.code} role="alert">
      <p>
        <WithCode text={error.message} />
      </p>
      <RunAgain
        onClick={() => void pipeline.start()}
        disabled={pipeline.isStarting || whyNot(pipeline) !== null}
      />
    </div>
  );
}

/** The facts that the pipeline was made with, and whether they count. */
function Observed({
  pipeline,
  facts
}: {
  pipeline: NotebookPipeline;
  facts: readonly string[];
}): React.JSX.Element {
  return (
    <>
      <Tick
        action="observed"
        title="Without it the pipeline is made from the code alone, and the next run forgets what was seen"
        checked={pipeline.useObserved}
        onChange={use => {
          pipeline.useObserved = use;
        }}
      >
        Reckon with what earlier runs saw
      </Tick>
      <ul className="labline-Observed">
        {facts.map(fact => (
          <li key={fact}>{fact[0].toUpperCase() + fact.slice(1)}.</li>
        ))}
      </ul>
    </>
  );
}

/** What was changed last, and the way back. */
function Applied({ pipeline }: { pipeline: NotebookPipeline }): React.JSX.Element {
  return (
    <Notice kind="info">
      Done: {pipeline.applied}.{' '}
      <LinkButton action="undo" label={`Undo: ${pipeline.applied}`} onClick={() => pipeline.undo()}>
        Undo
      </LinkButton>
    </Notice>
  );
}

/** Record how long a tag, once committed, took to change what the panel shows. */
function useMeasuredCommits(pipeline: NotebookPipeline): void {
  const { compilation } = pipeline;
  useLayoutEffect(() => performance.clearMarks(TAG_COMMITTED), []); // committed while nobody looked
  useLayoutEffect(() => {
    if (performance.getEntriesByName(TAG_COMMITTED).length > 0) {
      performance.measure(TAG_TO_PANEL, TAG_COMMITTED);
      performance.clearMarks(TAG_COMMITTED);
    }
  }, [compilation]);
}
