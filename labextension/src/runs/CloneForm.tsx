import { ReactWidget } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import { LOCAL, type RunDetail, type Target } from '../api/types';
import { formatDate } from '../model/format';
import { Parameters } from '../panel/Parameters';
import { Choice } from '../ui/fields';
import { Notice } from '../ui/parts';

/** What is chosen: where to run, and the parameters that are not as by default. */
export interface CloneChoice {
  target: string;
  overrides: ReadonlyMap<string, string>;
}

/** The body of the dialog that asks how to run once more what a run was made of. */
export class CloneForm extends ReactWidget {
  constructor(
    private readonly run: RunDetail,
    private readonly targets: readonly Target[],
    private choice: CloneChoice,
    private readonly problem: string | null
  ) {
    super();
    this.addClass('labline-Form');
  }

  getValue(): CloneChoice {
    return this.choice;
  }

  protected override render(): React.JSX.Element {
    return (
      <Form
        run={this.run}
        targets={this.targets}
        initial={this.choice}
        problem={this.problem}
        onChange={choice => {
          this.choice = choice;
        }}
      />
    );
  }
}

interface FormProps {
  run: RunDetail;
  targets: readonly Target[];
  initial: CloneChoice;
  problem: string | null;
  onChange: (choice: CloneChoice) => void;
}

function Form({ run, targets, initial, problem, onChange }: FormProps): React.JSX.Element {
  const [choice, setChoice] = useState(initial);
  const choose = (change: Partial<CloneChoice>) => {
    const next = { ...choice, ...change };
    setChoice(next);
    onChange(next);
  };
  const override = (name: string, literal: string | null) => {
    const overrides = new Map(choice.overrides);
    if (literal === null) {
      overrides.delete(name);
    } else {
      overrides.set(name, literal);
    }
    choose({ overrides });
  };
  const names = targets.map(({ name }) => name);
  const known = names.includes(choice.target) ? names : [...names, choice.target];
  return (
    <>
      {problem && <Notice kind="error">{problem}</Notice>}
      <p className="labline-Form-note">
        The notebook as it was in <code>{run.id}</code>, of {formatDate(run.created)}.
      </p>
      {run.graph.parameters.length > 0 ? (
        <Parameters parameters={run.graph.parameters} overrides={choice.overrides} onChange={override} />
      ) : (
        <p className="labline-Form-note">It has no parameters.</p>
      )}
      {known.length > 1 && (
        <Choice
          name="target"
          label="On"
          value={choice.target}
          choices={known.map(name => [name, name === LOCAL ? 'this machine' : name])}
          onChange={target => choose({ target })}
        />
      )}
    </>
  );
}
