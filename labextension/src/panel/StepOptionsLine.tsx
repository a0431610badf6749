import type { JupyterFrontEnd } from '@jupyterlab/application';
import React from 'react';

import type { OpenNotebook } from '../model/notebook';
import { optionWords, readFields } from '../model/stepOptions';
import { CommandIDs } from '../tokens';
import { LinkButton } from '../ui/parts';

export interface StepOptionsLineProps {
  notebook: OpenNotebook;
  commands: JupyterFrontEnd['commands'];
  step: string;
}

/** What the notebook says of the step that is selected, and the way to change it. */
export function StepOptionsLine({ notebook, commands, step }: StepOptionsLineProps): React.JSX.Element {
  const words = optionWords(readFields(notebook.stepSettings(step)));
  return (
    <p className="labline-StepOptionsLine" data-labline-options={step}>
      <b>{step}</b>
      <span>{words.length > 0 ? words.join(' · ') : 'no options'}</span>
      <LinkButton
        action="step-options"
        label={`Options of step ${step}`}
        title="Retries, time limit, CPUs, memory, cache, loop"
        onClick={() => void commands.execute(CommandIDs.stepOptions, { step })}
      >
        Options…
      </LinkButton>
    </p>
  );
}
