import React from 'react';

import { useFields, type FormProps } from '../ui/ask';
import { Choice, TextField } from '../ui/fields';
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

export interface ServeFormProps extends FormProps<ServeFields> {
  calls: readonly PredictionCall[];
}

/** Asks how a prediction is to be packaged. */
export function ServeForm(props: ServeFormProps): React.JSX.Element {
  const { calls } = props;
  const [fields, set] = useFields(props);
  const faults = serveFaults(fields);
  const bind = (name: keyof ServeFields) => ({
    name,
    value: fields[name],
    fault: faults[name],
    onChange: (value: string) => set({ [name]: value })
  });
  return (
    <>
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
