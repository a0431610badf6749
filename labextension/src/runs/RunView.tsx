import React, { useEffect, useId, useState } from 'react';

import { LOCAL } from '../api/targets';
import { canResume, canRetry, isActive, isBusy, type NotebookContent, type RunDetail } from '../api/types';
import { LazyGraph } from '../graph';
import { stepLooks } from '../graph/looks';
import { hues } from '../model/colours';
import { elapsed, formatDate, formatNumber, formatSeconds } from '../model/format';
import { Findings } from '../panel/Findings';
import type { ILablineServer } from '../tokens';
import { useNow, useSignals } from '../ui/hooks';
import { ActionButton, Empty, LinkButton, Notice, PageLink, StateBadge, WithCode } from '../ui/parts';
import type { Rendering } from './cells';
import { CertificateView } from './CertificateView';
import { OutOfSight } from './OutOfSight';
import { NotVerified, Seal, Verifying } from './Seal';
import { StepView } from './StepView';

export interface RunViewProps {
  id: string;
  server: ILablineServer;
  rendering: Rendering;
  back: () => void;
  openRun: (run: string) => void;
  openNotebook: (path: string) => void;
  openAtFailure: (run: string, step: string) => void;
  /** Ask for other parameters, and run once more what this run was made of. */
  runAgain: () => void;
  contentOf: (path: string) => NotebookContent | undefined;
}

/** One run: what went in, the graph with live states, and the step that is looked at. */
export function RunView(props: RunViewProps): React.JSX.Element {
  const { id, server, back } = props;
  const { runs } = server;
  useSignals(runs.changed, runs.connectionChanged);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    setTrouble(null);
    runs.loadDetail(id).catch((error: Error) => setTrouble(error.message));
  }, [id, runs, runs.isConnected]);
  const run = runs.detail(id);
  return (
    <div className="labline-Run" data-labline-run={id} data-labline-state={run?.state}>
      <nav className="labline-Run-back">
        <LinkButton action="back" onClick={back}>
          ‹ All runs
        </LinkButton>
      </nav>
      {run ? <RunBody {...props} run={run} /> : <Empty title={trouble ?? 'Reading the run…'} />}
    </div>
  );
}

function RunBody({
  run,
  server,
  rendering,
  openRun,
  openNotebook,
  openAtFailure,
  runAgain,
  contentOf
}: RunViewProps & { run: RunDetail }): React.JSX.Element {
  const active = isActive(run.state);
  const now = useNow(active);
  const [picked, setPicked] = useState<string | null>(null);
  const step = run.steps.find(({ name }) => name === (picked ?? interesting(run)));
  const colours = hues(run.graph.steps.map(({ name }) => name));
  const { verification, certificate } = run;
  const certificateId = useId();
  const [certificateOpen, setCertificateOpen] = useState(verification !== null);
  const problems = run.findings.filter(finding => finding.severity !== 'info');
  return (
    <>
      <RunHead
        run={run}
        now={now}
        server={server}
        openNotebook={openNotebook}
        runAgain={runAgain}
        contentOf={contentOf}
      >
        {certificate && (
          <Seal
            certificate={certificate}
            open={certificateOpen}
            controls={certificateId}
            onToggle={() => setCertificateOpen(!certificateOpen)}
          />
        )}
      </RunHead>
      <OutOfSight run={run} client={server.client} />
      <Verifying run={run} />
      {certificate && certificateOpen && (
        <CertificateView
          id={certificateId}
          certificate={certificate}
          steps={run.graph.steps.map(({ name }) => name)}
          url={server.client.certificateUrl(run.id)}
        />
      )}
      <NotVerified run={run} />
      <Patches run={run} />
      {run.error && (
        <p className="labline-Notice" data-labline-notice="error" role="alert">
          <WithCode text={run.error} />
        </p>
      )}
      <div className="labline-Run-facts">
        <Facts
          title="Metrics"
          name="metrics"
          facts={Object.entries(run.metrics).map(([name, value]) => [
            name,
            formatNumber(value),
            String(value)
          ])}
        />
        <Facts
          title="Parameters"
          name="parameters"
          facts={Object.entries(run.parameters).map(([name, value]) => [name, value, value])}
        />
      </div>
      {problems.length > 0 && (
        <details className="labline-Run-findings">
          <summary>{problems.length === 1 ? '1 finding' : `${problems.length} findings`}</summary>
          <Findings findings={problems} />
        </details>
      )}
      <div className="labline-Run-main">
        <div className="labline-Run-graph">
          <LazyGraph
            graph={run.graph}
            looks={stepLooks(run.graph, run.steps, [], colours, now, null, name =>
              server.runs.activity(run.id, name)
            )}
            selected={step?.name}
            onSelect={setPicked}
            maxHeight={720}
          />
        </div>
        {step && (
          <StepView
            key={step.name}
            run={run}
            step={step}
            server={server}
            rendering={rendering}
            now={now}
            openRun={openRun}
            openAtFailure={openAtFailure}
          />
        )}
      </div>
    </>
  );
}

/** The changes with which the run went on. */
function Patches({ run }: { run: RunDetail }): React.JSX.Element | null {
  if (run.patches.length === 0) {
    return null;
  }
  return (
    <ul className="labline-Patches" aria-label="Changes">
      {run.patches.map(patch => (
        <li key={patch.time} data-labline-patch={Object.keys(patch.again).join(' ')}>
          {formatDate(patch.time)}: {patch.state === 'failed' ? 'failed' : `was ${patch.state}`}, and{' '}
          {run.target === LOCAL ? 'went on with the notebook changed.' : `was tried again on ${run.target}.`}{' '}
          Run again:{' '}
          {Object.entries(patch.again)
            .map(([step, why]) => `${step} (${why})`)
            .join(', ')}
          .
        </li>
      ))}
    </ul>
  );
}

interface RunHeadProps {
  run: RunDetail;
  now: number;
  server: ILablineServer;
  openNotebook: (path: string) => void;
  runAgain: () => void;
  contentOf: (path: string) => NotebookContent | undefined;
  children: React.ReactNode;
}

function RunHead(props: RunHeadProps): React.JSX.Element {
  const { run, now, server, openNotebook, runAgain, contentOf, children } = props;
  const [cancelling, setCancelling] = useState(false);
  const [resuming, setResuming] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const busy = isBusy(run);
  const seconds = elapsed(run.started, run.ended, now);
  const cancel = () => {
    setCancelling(true);
    server.client.cancelRun(run.id).catch((error: Error) => {
      setCancelling(false);
      setTrouble(error.message);
    });
  };
  const goOn = (asking: Promise<RunDetail>) => {
    setResuming(true);
    setTrouble(null);
    asking
      .then(detail => server.runs.addDetail(detail))
      .catch((error: Error) => setTrouble(error.message))
      .finally(() => setResuming(false));
  };
  return (
    <div className="labline-Run-head">
      <h1>{run.pipeline}</h1>
      <StateBadge state={run.state} />
      {children}
      <dl>
        <Fact name="Run">
          <code>{run.id}</code>
        </Fact>
        {run.target !== LOCAL && (
          <Fact name="Target">
            {run.target}{' '}
            {run.page && (
              <PageLink href={run.page} action="target-page">
                Kubeflow
              </PageLink>
            )}
          </Fact>
        )}
        {run.control?.begun && <Fact name="Begun by">{run.control.begun.name}</Fact>}
        <Fact name="Started">{formatDate(run.started ?? run.created)}</Fact>
        {seconds !== null && <Fact name="Duration">{formatSeconds(seconds)}</Fact>}
        <Fact name="Steps">
          {run.steps_done} of {run.steps_total}
        </Fact>
        <Fact name="Notebook">
          <LinkButton action="open-notebook" onClick={() => openNotebook(run.notebook)}>
            {run.notebook}
          </LinkButton>
        </Fact>
        {run.mlflow?.url && (
          <Fact name="Tracking">
            <PageLink href={server.client.pageUrl(run.mlflow.url)}>MLflow</PageLink>
          </Fact>
        )}
      </dl>
      {busy && (
        <ActionButton action="cancel" kind="danger" onClick={cancel} disabled={cancelling}>
          {cancelling ? 'Cancelling…' : 'Cancel'}
        </ActionButton>
      )}
      {canResume(run) && (
        <ActionButton
          action="resume"
          onClick={() => goOn(server.client.resumeRun(run.id, run.notebook, contentOf(run.notebook)))}
          disabled={resuming}
          title="Go on with this run, with the notebook as it stands in its editor, or else as it is saved"
        >
          Resume
        </ActionButton>
      )}
      {canRetry(run) && (
        <ActionButton
          action="retry"
          onClick={() => goOn(server.client.retryRun(run.id))}
          disabled={resuming}
          title={
            run.state === 'interrupted'
              ? `The run goes on on ${run.target}, and nobody follows it`
              : `Go on with this run on ${run.target} from where it stopped: steps that have succeeded stay`
          }
        >
          {run.state === 'interrupted' ? 'Follow again' : 'Try again'}
        </ActionButton>
      )}
      {!busy && (
        <ActionButton
          action="run-again-with"
          onClick={runAgain}
          title="Run the notebook as it was then once more, with its parameters or others"
        >
          Run again…
        </ActionButton>
      )}
      {trouble && <Notice kind="error">{trouble}</Notice>}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }): React.JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

interface FactsProps {
  title: string;
  name: string;
  /** Name, value as shown, value in full. */
  facts: [string, string, string][];
}

function Facts({ title, name, facts }: FactsProps): React.JSX.Element | null {
  if (facts.length === 0) {
    return null;
  }
  return (
    <section className="labline-Facts" data-labline-facts={name} aria-label={title}>
      <h2>{title}</h2>
      <dl>
        {facts.map(([fact, value, whole]) => (
          <div key={fact} data-labline-fact={fact} title={`${fact} = ${whole}`}>
            <dt>{fact}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The step a reader most likely wants: what failed, what runs, otherwise what came last. */
function interesting(run: RunDetail): string | undefined {
  const failed = run.steps.find(step => step.state === 'failed');
  const running = run.steps.find(step => step.state === 'running');
  const done = run.steps.filter(step => step.state === 'succeeded' || step.state === 'cached').pop();
  return (failed ?? running ?? done ?? run.steps[0])?.name;
}
