import React, { useEffect, useRef, useState } from 'react';

import { Forecaster, summary } from '../model/forecast';
import { optionFaults, PRIORITY_LIMIT, toOptions, type OptionFields } from '../model/options';
import type { NotebookPipeline } from '../model/pipeline';
import { useFields, type FormProps } from '../ui/ask';
import { CheckField, Choice, TextField } from '../ui/fields';

/** Milliseconds after a choice before its run is foreseen: arrow keys go through many. */
const CHOSEN = 150;

export interface RunOptionsFormProps extends FormProps<OptionFields> {
  pipeline: NotebookPipeline;
  steps: readonly string[];
}

/** Asks how to run. */
export function RunOptionsForm(props: RunOptionsFormProps): React.JSX.Element {
  const { pipeline, steps } = props;
  const [fields, set] = useFields(props);
  const faults = optionFaults(fields);
  const choices = steps.map(step => [step, step] as const);
  return (
    <>
      <Choice
        name="from"
        label="From"
        choices={[['', 'the beginning'], ...choices]}
        value={fields.from}
        onChange={from => set({ from })}
      />
      <Choice
        name="to"
        label="To"
        choices={[['', 'the end'], ...choices]}
        value={fields.to}
        onChange={to => set({ to })}
      />
      <CheckField name="cache" checked={fields.cache} onChange={cache => set({ cache })}>
        Use cache
      </CheckField>
      <TextField
        name="timeout"
        label="Stop after"
        unit="seconds"
        hint="no limit"
        value={fields.timeout}
        fault={faults.timeout}
        onChange={timeout => set({ timeout })}
      />
      <TextField
        name="priority"
        label="Priority"
        unit={`-${PRIORITY_LIMIT} to ${PRIORITY_LIMIT}; higher goes first`}
        hint="0"
        value={fields.priority}
        fault={faults.priority}
        onChange={priority => set({ priority })}
      />
      <CheckField name="post-mortem" checked={fields.postMortem} onChange={postMortem => set({ postMortem })}>
        Keep the process of a step that fails, for the debugger
      </CheckField>
      <Foreseen pipeline={pipeline} fields={fields} />
    </>
  );
}

/** What a run with these choices would do. */
function Foreseen({
  pipeline,
  fields
}: Pick<RunOptionsFormProps, 'pipeline'> & { fields: OptionFields }): React.JSX.Element {
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
