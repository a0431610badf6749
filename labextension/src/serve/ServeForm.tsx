import { ReactWidget } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import { Choice, TextField } from '../ui/fields';
import { Notice } from '../ui/parts';
import { toleranceOf, type PredictionCall } from './predictions';

/** What is chosen, as it is typed. */
export interface ServeFields {
  name: string;
  /** The line of the call; empty where the cell has one. */
  line: string;
  input: string;
  tolerance: string;
}

/** What is wrong with what was typed, by field. */
export function serveFaults({ name, tolerance }: ServeFields): Partial<Record<keyof ServeFields, string>> {
  return {
    ...(/[/:@.%"']/.test(name) ? { name: 'without / : @ . % and quotes' } : {}),
    ...(name.trim() === '' ? { name: 'it needs a name' } : {}),
    ...(toleranceOf(tolerance) === null ? { tolerance: 'a number from 0' } : {})
  };
}

/** The body of the dialog that asks how a prediction is to be packaged: its value is the fields as they are typed. */
export class ServeForm extends ReactWidget {
  constructor(
    private readonly calls: readonly PredictionCall[],
    private fields: ServeFields,
    private readonly problem: string | null
  ) {
    super();
    this.addClass('labline-Form');
  }

  getValue(): ServeFields {
    return this.fields;
  }

  protected override render(): React.JSX.Element {
    return (
      <Form
        calls={this.calls}
        initial={this.fields}
        problem={this.problem}
        onChange={fields => {
          this.fields = fields;
        }}
      />
    );
  }
}

interface FormProps {
  calls: readonly PredictionCall[];
  initial: ServeFields;
  problem: string | null;
  onChange: (fields: ServeFields) => void;
}

function Form({ calls, initial, problem, onChange }: FormProps): React.JSX.Element {
  const [fields, setFields] = useState(initial);
  const faults = serveFaults(fields);
  const bind = (name: keyof ServeFields) => ({
    name,
    value: fields[name],
    fault: faults[name],
    onChange: (value: string) => {
      const next = { ...fields, [name]: value };
      setFields(next);
      onChange(next);
    }
  });
  return (
    <>
      {problem && <Notice kind="error">{problem}</Notice>}
      <p className="labline-Form-note">
        The model <code>{calls[0].model}</code> becomes one that takes raw rows: what the notebook does to
        them goes with it. It is registered only when it gives what the notebook computed.
      </p>
      <TextField {...bind('name')} label="Model" unit="as it is registered" hint="a name" wide />
      {calls.length > 1 && (
        <Choice
          {...bind('line')}
          label="Call"
          choices={calls.map(({ line, model, method }) => [
            String(line),
            `line ${line}: ${model}.${method}(…)`
          ])}
        />
      )}
      <TextField
        {...bind('input')}
        label="Rows of"
        unit="a frame of the notebook"
        hint="what it loads"
        wide
      />
      <TextField {...bind('tolerance')} label="Tolerance" unit="relative; 0: every bit" hint="1e-9" />
    </>
  );
}
