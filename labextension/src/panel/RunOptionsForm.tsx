import { ReactWidget } from '@jupyterlab/ui-components';
import React, { useEffect, useId, useRef, useState } from 'react';

import { Forecaster, summary } from '../model/forecast';
import { optionFaults, PRIORITY_LIMIT, toOptions, type OptionFields } from '../model/options';
import type { NotebookPipeline } from '../model/pipeline';

/** Milliseconds after a choice before its run is foreseen: arrow keys go through many. */
const CHOSEN = 150;

/** The body of the dialog that asks how to run: its value is the fields as they are typed. */
export class RunOptionsForm extends ReactWidget {
  constructor(
    private readonly pipeline: NotebookPipeline,
    private readonly steps: readonly string[],
    private fields: OptionFields
  ) {
    super();
    this.addClass('labline-RunOptions');
  }

  getValue(): OptionFields {
    return this.fields;
  }

  protected override render(): React.JSX.Element {
    return (
      <Form
        pipeline={this.pipeline}
        steps={this.steps}
        initial={this.fields}
        onChange={fields => {
          this.fields = fields;
        }}
      />
    );
  }
}

interface FormProps {
  pipeline: NotebookPipeline;
  steps: readonly string[];
  initial: OptionFields;
  onChange: (fields: OptionFields) => void;
}

function Form({ pipeline, steps, initial, onChange }: FormProps): React.JSX.Element {
  const [fields, setFields] = useState(initial);
  const faults = optionFaults(fields);
  const set = (change: Partial<OptionFields>) => {
    const next = { ...fields, ...change };
    setFields(next);
    onChange(next);
  };
  return (
    <>
      <StepChoice
        label="From"
        none="the beginning"
        steps={steps}
        value={fields.from}
        onChange={from => set({ from })}
      />
      <StepChoice label="To" none="the end" steps={steps} value={fields.to} onChange={to => set({ to })} />
      <label className="labline-Check">
        <input
          type="checkbox"
          data-labline-option="cache"
          checked={fields.cache}
          onChange={event => set({ cache: event.target.checked })}
        />
        Use cache
      </label>
      <NumberField
        name="timeout"
        label="Stop after"
        unit="seconds"
        hint="no limit"
        value={fields.timeout}
        fault={faults.timeout}
        onChange={timeout => set({ timeout })}
      />
      <NumberField
        name="priority"
        label="Priority"
        unit={`-${PRIORITY_LIMIT} to ${PRIORITY_LIMIT}; higher goes first`}
        hint="0"
        value={fields.priority}
        fault={faults.priority}
        onChange={priority => set({ priority })}
      />
      <Foreseen pipeline={pipeline} fields={fields} />
    </>
  );
}

interface StepChoiceProps {
  label: string;
  /** What no step means. */
  none: string;
  steps: readonly string[];
  value: string;
  onChange: (step: string) => void;
}

function StepChoice({ label, none, steps, value, onChange }: StepChoiceProps): React.JSX.Element {
  const id = useId();
  return (
    <div className="labline-RunOptions-field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        data-labline-option={label.toLowerCase()}
        value={value}
        onChange={event => onChange(event.target.value)}
      >
        <option value="">{none}</option>
        {steps.map(step => (
          <option key={step} value={step}>
            {step}
          </option>
        ))}
      </select>
    </div>
  );
}

interface NumberFieldProps {
  name: string;
  label: string;
  unit: string;
  hint: string;
  value: string;
  fault: string | undefined;
  onChange: (text: string) => void;
}

function NumberField({
  name,
  label,
  unit,
  hint,
  value,
  fault,
  onChange
}: NumberFieldProps): React.JSX.Element {
  const id = useId();
  return (
    <div className="labline-RunOptions-field">
      <label htmlFor={id}>{label}</label>
      <span>
        <input
          id={id}
          type="text"
          inputMode="decimal"
          data-labline-option={name}
          placeholder={hint}
          autoComplete="off"
          value={value}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-unit`}
          onChange={event => onChange(event.target.value)}
        />
        <small id={`${id}-unit`} data-labline-fault={fault && name}>
          {fault ?? unit}
        </small>
      </span>
    </div>
  );
}

/** What a run with these choices would do. */
function Foreseen({
  pipeline,
  fields
}: Pick<FormProps, 'pipeline'> & { fields: OptionFields }): React.JSX.Element {
  const [, refresh] = useState({});
  const chosen = useRef(fields);
  chosen.current = fields;
  const [forecaster] = useState(
    () =>
      new Forecaster(
        signal => pipeline.foreseen(toOptions(chosen.current), signal),
        () => refresh({})
      )
  );
  useEffect(() => () => forecaster.drop(), [forecaster]);
  useEffect(() => {
    forecaster.askSoon(CHOSEN);
    refresh({});
  }, [forecaster, fields.from, fields.to, fields.cache]);
  const { forecast, problem, isStale } = forecaster;
  return (
    <p className="labline-Forecast" data-labline-forecast={isStale ? 'stale' : 'current'} role="status">
      <span>{forecast ? summary(forecast) : problem}</span>
    </p>
  );
}
