import React, { useState } from 'react';

import { CLUSTER_FIELDS } from '../model/clusterOptions';
import { stepFaults, type StepFields } from '../model/stepOptions';
import { useFields, type FormProps } from '../ui/ask';
import { CheckField, Choice, TextField } from '../ui/fields';

/** The fields that are typed. */
type Typed = {
  [name in keyof StepFields]: StepFields[name] extends boolean ? never : name;
}[keyof StepFields] &
  string;

/** Asks for a step's options. */
export function StepOptionsForm(props: FormProps<StepFields>): React.JSX.Element {
  const { initial } = props;
  const [fields, set] = useFields(props);
  const [isOpen, setOpen] = useState(CLUSTER_FIELDS.some(name => initial[name] !== ''));
  const faults = stepFaults(fields);
  const bind = (name: Typed) => ({
    name,
    value: fields[name],
    fault: faults[name],
    onChange: (value: string) => set({ [name]: value.trim() === '' ? '' : value })
  });
  return (
    <>
      <fieldset>
        <legend>When it fails</legend>
        <TextField {...bind('retries')} label="Try again" unit="times" hint="0" />
        <TextField {...bind('wait')} label="Wait" unit="seconds before each" hint="0" />
        <TextField {...bind('timeout')} label="Stop after" unit="seconds a try" hint="no limit" />
        <CheckField
          name="post-mortem"
          checked={fields.postMortem}
          onChange={postMortem => set({ postMortem })}
        >
          Keep its process for the debugger
        </CheckField>
      </fieldset>
      <fieldset>
        <legend>What it needs</legend>
        <TextField {...bind('cpu')} label="CPUs" unit="at most, as 2 or 500m" hint="1" />
        <TextField
          {...bind('cpuRequest')}
          label="Min. CPUs"
          unit="reserved for it"
          hint={fields.cpu || '1'}
        />
        <TextField {...bind('memory')} label="Memory" unit="at most, as 500Mi or 2Gi" hint="no limit" />
        <TextField
          {...bind('memoryRequest')}
          label="Min. memory"
          unit="reserved for it"
          hint={fields.memory || 'none'}
        />
      </fieldset>
      <fieldset>
        <legend>The model that it makes</legend>
        <TextField
          {...bind('register')}
          label="Register as"
          unit="a name in MLflow"
          hint="not registered"
          wide
        />
        {fields.register !== '' && (
          <>
            <TextField {...bind('variable')} label="Variable" unit="with the model" hint="found" />
            <TextField {...bind('input')} label="Example" unit="variable with rows" hint="found" />
            <CheckField name="sample" checked={fields.sample} onChange={sample => set({ sample })}>
              A sample of these rows is kept with it, for its server to check it on
            </CheckField>
          </>
        )}
      </fieldset>
      <fieldset>
        <legend>How it runs</legend>
        <Choice
          name="cache"
          label="Cache"
          value={fields.cache}
          choices={[
            ['', 'as the pipeline'],
            ['enabled', 'always: its earlier result may stand in for it'],
            ['disabled', 'never: it reads what Labline cannot see']
          ]}
          onChange={cache => set({ cache: cache as StepFields['cache'] })}
        />
        <CheckField name="foreach" checked={fields.foreach} onChange={foreach => set({ foreach })}>
          Run the items of its loop side by side
        </CheckField>
        {fields.foreach && (
          <>
            <TextField {...bind('parallel')} label="At most" unit="items at a time" hint="all that fit" />
            <CheckField
              name="allow-failures"
              checked={fields.allowFailures}
              onChange={allowFailures => set({ allowFailures })}
            >
              Items may fail
            </CheckField>
            <CheckField name="pool" checked={fields.pool} onChange={pool => set({ pool })}>
              Items share processes
            </CheckField>
          </>
        )}
        <TextField {...bind('exit')} label="Runs last" unit="names for outcome, error" hint="no" wide />
      </fieldset>
      <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>On a cluster</summary>
        <fieldset aria-label="On a cluster">
          <TextField {...bind('image')} label="Image" unit="" hint="the target's" wide />
          <TextField {...bind('pullSecrets')} label="Pull secrets" unit="to fetch it" hint="none" wide />
          <TextField
            {...bind('accelerators')}
            label="Accelerators"
            unit="as nvidia.com/gpu:1"
            hint="none"
            wide
          />
          <TextField {...bind('secrets')} label="Secrets" unit="name:key:ENV, name:/path" hint="none" wide />
          <TextField
            {...bind('configMaps')}
            label="Config maps"
            unit="name:key:ENV, name:/path"
            hint="none"
            wide
          />
          <TextField {...bind('volumes')} label="Volumes" unit="claim:/path:ENV" hint="none" wide />
          <TextField {...bind('nodes')} label="Nodes" unit="with labels, as disk:fast" hint="any" wide />
          <TextField
            {...bind('tolerations')}
            label="Tolerations"
            unit="as gpu=yes:NoSchedule"
            hint="none"
            wide
          />
          <TextField {...bind('labels')} label="Labels" unit="of its pod, as team:birds" hint="none" wide />
          <TextField {...bind('annotations')} label="Annotations" unit="as key:text" hint="none" wide />
          <TextField {...bind('account')} label="Runs as" unit="service account" hint="the run's" wide />
        </fieldset>
      </details>
    </>
  );
}
