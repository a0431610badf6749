import React, { useId, useRef, useState } from 'react';

import { LOCAL } from '../api/targets';
import { type RunDetail, type StepRun, type StepState } from '../api/types';
import { timing } from '../graph/looks';
import { controlOf } from '../model/control';
import { whyNotHere } from '../model/mirrored';
import type { ILablineServer } from '../tokens';
import { OpenAtFailure, PageLink, RunAgain, StateBadge, WithCode } from '../ui/parts';
import type { Rendering } from './cells';
import { CellsView } from './CellsView';
import { ReleaseButton, useKept } from './Kept';
import { LogView } from './LogView';
import { MetricsTable } from './MetricsTable';
import { ValuesView } from './ValuesView';

const TABS = ['Log', 'Cells', 'Values', 'Metrics'] as const;
type Tab = (typeof TABS)[number];

// The tab last looked at stays when another step is picked.
let lastTab: Tab = 'Cells';

export interface StepViewProps {
  run: RunDetail;
  step: StepRun;
  server: ILablineServer;
  rendering: Rendering;
  now: number;
  /** Look at another run. */
  openRun: (run: string) => void;
  /** Open the notebook where a step failed. */
  openAtFailure: (run: string, step: string) => void;
}

/** What one step of a run did. */
export function StepView(props: StepViewProps): React.JSX.Element {
  const { run, step, server, rendering, now } = props;
  // Of a step that runs on a target, or has failed there, only the log is here.
  const isLogOnly = whyNotHere(run, step, 'cells') !== null && lastTab === 'Cells';
  const [tab, setTab] = useState<Tab>(isLogOnly ? 'Log' : lastTab);
  const id = useId();
  const bar = useRef<HTMLDivElement>(null);
  const pick = (name: Tab) => {
    lastTab = name;
    setTab(name);
  };
  const onKey = (event: React.KeyboardEvent) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (move) {
      const next = TABS[(TABS.indexOf(tab) + move + TABS.length) % TABS.length];
      pick(next);
      bar.current?.querySelector<HTMLElement>(`[data-labline-tab='${next.toLowerCase()}']`)?.focus();
    }
  };
  const at = step.state === 'running' ? server.runs.activity(run.id, step.name) : null;
  const control = controlOf(
    step,
    run.graph.steps.find(({ name }) => name === step.name)
  );
  const counts: Partial<Record<Tab, number>> = {
    Values: step.values.length,
    Metrics: Object.keys(step.metrics).length
  };
  return (
    <section className="labline-StepRun" data-labline-step={step.name} data-labline-state={step.state}>
      <div className="labline-StepRun-head">
        <h2 title={step.name}>{step.name}</h2>
        <StateBadge state={step.state} />
        <span className="labline-StepRun-time">
          {step.state === 'cached' ? reusedFrom(step) : timing(step, now)}
          {at && ` · at cell ${at.index + 1}`}
          {step.attempt > 1 && ` · attempt ${step.attempt}`}
        </span>
        {control && <span className="labline-StepRun-time">{control}</span>}
        {step.cache_note && <span className="labline-StepRun-why">{whyWords(step)}</span>}
        {run.page && (
          <PageLink href={run.page} action="step-page">
            Kubeflow
          </PageLink>
        )}
      </div>
      {step.error && <ErrorSummary {...props} error={step.error} />}
      <div
        ref={bar}
        className="labline-Tabs"
        role="tablist"
        aria-label={`Step ${step.name}`}
        onKeyDown={onKey}
      >
        {TABS.map(name => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={tab === name}
            aria-controls={`${id}-panel`}
            tabIndex={tab === name ? 0 : -1}
            data-labline-tab={name.toLowerCase()}
            onClick={() => pick(name)}
          >
            {name}
            {counts[name] ? <span className="labline-Count">{counts[name]}</span> : null}
          </button>
        ))}
      </div>
      <div
        className="labline-StepRun-body"
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${tab}`}
      >
        {tab === 'Log' && <LogView server={server} run={run.id} step={step.name} state={step.state} />}
        {tab === 'Cells' && <CellsView server={server} run={run} step={step} rendering={rendering} />}
        {tab === 'Values' && <ValuesView values={step.values} none={whyNotHere(run, step, 'values')} />}
        {tab === 'Metrics' && <MetricsTable metrics={step.metrics} none={whyNotHere(run, step, 'metrics')} />}
      </div>
    </section>
  );
}

function reusedFrom(step: StepRun): string {
  return step.cached_from ? `from run ${step.cached_from}` : '';
}

const WHY: Readonly<Partial<Record<StepState, string>>> = {
  pending: '',
  skipped: '',
  cached: 'Why it was reused · ',
  running: 'Why it runs · '
};

/** Why a step ran or did not, after what it is that the reason is of. */
function whyWords({ state, cache_note }: StepRun): string {
  return `${WHY[state] ?? 'Why it ran · '}${cache_note}`;
}

type ErrorSummaryProps = Pick<StepViewProps, 'run' | 'step' | 'server' | 'openRun' | 'openAtFailure'> & {
  error: NonNullable<StepRun['error']>;
};

function ErrorSummary(props: ErrorSummaryProps): React.JSX.Element {
  const { error, run, step, server, openRun, openAtFailure } = props;
  const [refusal, setRefusal] = useState<string | null>(null);
  const [starting, setStarting] = useState(false);
  const [kept, reload] = useKept(server);
  const process = kept.find(each => each.run === run.id && each.step === step.name);
  const again = () => {
    setStarting(true);
    server.client
      .createRun({ path: run.notebook, parameters: run.parameters, target: run.target })
      .then(started => {
        server.runs.addDetail(started);
        openRun(started.id);
      })
      .catch((reason: Error) => {
        setRefusal(reason.message);
        setStarting(false);
      });
  };
  return (
    <div className="labline-Notice" data-labline-notice="error" role="alert">
      <p>
        <WithCode text={error.message} />
      </p>
      {error.hint && (
        <p className="labline-Notice-hint">
          <WithCode text={error.hint} />
        </p>
      )}
      {error.observed && error.observed.length > 0 && <RunAgain onClick={again} disabled={starting} />}
      {run.target === LOCAL && step.state === 'failed' && (
        <OpenAtFailure onClick={() => openAtFailure(run.id, step.name)} />
      )}
      {process && (
        <>
          {' '}
          <ReleaseButton
            client={server.client}
            run={run.id}
            step={step.name}
            memory={process.memory}
            released={reload}
          />
        </>
      )}
      {refusal && <p>{refusal}</p>}
    </div>
  );
}
