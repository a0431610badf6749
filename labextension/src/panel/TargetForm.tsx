import { ReactWidget } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import { targetFaults, type TargetFields } from '../model/target';
import { CheckField, Choice, TextField } from '../ui/fields';
import { Notice } from '../ui/parts';

/** The body of the dialog that asks where a cluster is, and how it is used: its value is the fields as they are typed. */
export class TargetForm extends ReactWidget {
  constructor(
    private fields: TargetFields,
    /** Whether it is there already, so that its name stays. */
    private readonly isKnown: boolean,
    private readonly problem: string | null
  ) {
    super();
    this.addClass('labline-Form');
  }

  getValue(): TargetFields {
    return this.fields;
  }

  protected override render(): React.JSX.Element {
    return (
      <Form
        initial={this.fields}
        isKnown={this.isKnown}
        problem={this.problem}
        onChange={fields => {
          this.fields = fields;
        }}
      />
    );
  }
}

interface FormProps {
  initial: TargetFields;
  isKnown: boolean;
  problem: string | null;
  onChange: (fields: TargetFields) => void;
}

/** The fields that are typed. */
type Typed = Exclude<keyof TargetFields, 'auth' | 'plainHttp'>;

function Form({ initial, isKnown, problem, onChange }: FormProps): React.JSX.Element {
  const [fields, setFields] = useState(initial);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const faults = targetFaults(fields);
  const set = (change: Partial<TargetFields>) => {
    const next = { ...fields, ...change };
    setFields(next);
    setTouched(new Set([...touched, ...Object.keys(change)]));
    onChange(next);
  };
  const bind = (name: Typed) => ({
    name,
    value: fields[name],
    // What is still empty is wrong only once somebody has been there, or wanted to save it.
    fault: problem !== null || touched.has(name) || fields[name] !== '' ? faults[name] : undefined,
    onChange: (value: string) => set({ [name]: value })
  });
  return (
    <>
      {problem && <Notice kind="error">{problem}</Notice>}
      <fieldset>
        <legend>Where it is</legend>
        {!isKnown && <TextField {...bind('name')} label="Name" unit="as it is called here" hint="prod" />}
        <TextField
          {...bind('host')}
          label="Address"
          unit="of Kubeflow Pipelines"
          hint="https://HOST/pipeline"
          wide
        />
        <TextField
          {...bind('namespace')}
          label="Namespace"
          unit="of yours, where many share it"
          hint="none"
        />
      </fieldset>
      <fieldset>
        <legend>Signing in</legend>
        <Choice
          name="auth"
          label="By"
          value={fields.auth}
          choices={[
            ['none', 'nothing'],
            ['token', 'a bearer token'],
            ['cookie', 'a session cookie']
          ]}
          onChange={auth => set({ auth: auth as TargetFields['auth'] })}
        />
        {fields.auth !== 'none' && (
          <>
            <TextField
              {...bind('secret')}
              label="It is in"
              unit="or file:/PATH, keyring:NAME"
              hint="env:VARIABLE"
              wide
            />
            <CheckField
              name="plain-http"
              checked={fields.plainHttp}
              onChange={plainHttp => set({ plainHttp })}
            >
              Send it over http, too, where others can read it
            </CheckField>
          </>
        )}
        <TextField {...bind('caFile')} label="Authority" unit="PEM file, where private" hint="public" wide />
      </fieldset>
      <fieldset>
        <legend>What runs use</legend>
        <TextField {...bind('root')} label="Pipeline root" unit="read from here, too" hint="none" wide />
        <TextField {...bind('image')} label="Image" unit="of steps" hint="Labline's step image" wide />
        <TextField {...bind('packages')} label="Packages" unit="volume claim" hint="none installed" wide />
        <TextField {...bind('folderLimit')} label="Folder" unit="travels with a run at most" hint="256MiB" />
      </fieldset>
      <fieldset>
        <legend>The cluster itself</legend>
        <TextField
          {...bind('kubeconfig')}
          label="Kubeconfig"
          unit="for rights and logs"
          hint="not asked"
          wide
        />
        <TextField {...bind('context')} label="Context" unit="of it" hint="the current one" wide />
      </fieldset>
    </>
  );
}
