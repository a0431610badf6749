import type { JupyterFrontEnd } from '@jupyterlab/application';
import React from 'react';

import type { LablineClient } from '../api/client';
import { LOCAL } from '../api/targets';
import { canResume } from '../api/types';
import { literalFault } from '../model/literals';
import type { NotebookPipeline } from '../model/pipeline';
import { ActionButton, Notice, Tick } from '../ui/parts';
import { VerdictIcon } from '../ui/seal';
import { ForecastLine } from './ForecastLine';
import { RunMenuButton } from './RunMenu';
import { TargetChoice } from './TargetChoice';

const RESUME = 'Go on with the last run, with the notebook as it stands: steps that no change concerns stay';

export interface RunControlsProps {
  pipeline: NotebookPipeline;
  client: LablineClient;
  commands: JupyterFrontEnd['commands'];
  /** The step that is selected in the graph. */
  selected: string | null;
  running: boolean;
}

/** What a run would do, and all that starts or stops one. */
export function RunControls(props: RunControlsProps): React.JSX.Element {
  const { pipeline, client, commands, selected, running } = props;
  const obstacle = running ? null : whyNot(pipeline);
  const disabled = obstacle !== null || pipeline.isStarting;
  return (
    <>
      <ForecastLine pipeline={pipeline} running={running} obstacle={pipeline.trouble ? '' : obstacle} />
      <div
        className="labline-RunControls"
        // Who pressed a button that gives way to another goes on from here, and cancels nothing with a second Enter.
        tabIndex={-1}
        onPointerEnter={() => pipeline.forecaster.askIfOld()}
        onFocus={() => pipeline.forecaster.askIfOld()}
      >
        {running ? (
          <ActionButton
            action="cancel"
            kind="danger"
            onClick={() => void pipeline.cancel()}
            disabled={pipeline.isCancelling}
          >
            <CancelIcon />
            {pipeline.isCancelling ? 'Cancelling…' : 'Cancel'}
          </ActionButton>
        ) : (
          <>
            <span className="labline-SplitButton">
              <ActionButton
                action="run"
                kind="primary"
                onClick={() => void pipeline.start()}
                disabled={disabled}
                title={obstacle ?? 'Run the notebook as it stands, saved or not'}
              >
                <RunIcon />
                {pipeline.isStarting ? 'Starting…' : 'Run'}
              </ActionButton>
              <RunMenuButton commands={commands} selected={selected} disabled={disabled} />
            </span>
            {pipeline.run && canResume(pipeline.run) && (
              <ActionButton
                action="resume"
                onClick={() => void pipeline.resume()}
                disabled={disabled}
                title={obstacle ?? RESUME}
              >
                Resume
              </ActionButton>
            )}
            <ActionButton
              action="verify"
              onClick={() => void pipeline.verify()}
              disabled={disabled}
              title={
                obstacle ??
                (pipeline.target === LOCAL
                  ? 'See whether the pipeline computes what the notebook computes, value by value'
                  : `See whether the pipeline computes on ${pipeline.target} what the notebook computes here, value by value`)
              }
            >
              <VerdictIcon />
              Verify
            </ActionButton>
          </>
        )}
        <TargetChoice pipeline={pipeline} client={client} disabled={running} />
        <Tick
          action="cache"
          title="Steps whose code and inputs did not change are not run again"
          checked={pipeline.useCache}
          disabled={running}
          onChange={use => {
            pipeline.useCache = use;
          }}
        >
          Use cache
        </Tick>
      </div>
      {pipeline.refusal && <Notice kind="error">{pipeline.refusal}</Notice>}
    </>
  );
}

/** Why Run cannot be pressed; `null` where it can. */
export function whyNot(pipeline: NotebookPipeline): string | null {
  if (pipeline.trouble) {
    return pipeline.trouble;
  }
  if (pipeline.compilation === null) {
    return 'Reading the notebook…';
  }
  if (pipeline.hasErrors) {
    const errors = pipeline.findings.filter(finding => finding.severity === 'error').length;
    return errors === 1 ? 'An error in the notebook prevents a run.' : `${errors} errors prevent a run.`;
  }
  const wrong = pipeline.compilation.pipeline?.parameters.find(({ name, type }) => {
    const literal = pipeline.overrides.get(name);
    return literal !== undefined && literalFault(type, literal) !== null;
  });
  return wrong ? `The parameter ${wrong.name} has no valid value.` : null;
}

function RunIcon(): React.JSX.Element {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d="M4 2.5v11l9-5.5z" />
    </svg>
  );
}

function CancelIcon(): React.JSX.Element {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d="M4 4h8v8H4z" />
    </svg>
  );
}
