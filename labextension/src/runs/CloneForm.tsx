import React from 'react';

import { LOCAL, type Target } from '../api/targets';
import { type RunDetail } from '../api/types';
import { formatDate } from '../model/format';
import { Parameters } from '../panel/Parameters';
import { useFields, type FormProps } from '../ui/ask';
import { Choice } from '../ui/fields';

/** What is chosen: where to run, and the parameters that are not as by default. */
export interface CloneChoice {
  target: string;
  overrides: ReadonlyMap<string, string>;
}

export interface CloneFormProps extends FormProps<CloneChoice> {
  run: RunDetail;
  targets: readonly Target[];
}

/** Asks how to run once more what a run was made of. */
export function CloneForm(props: CloneFormProps): React.JSX.Element {
  const { run, targets } = props;
  const [choice, choose] = useFields(props);
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
