import React, { useState } from 'react';

import { SERVICE, targetFaults, type TargetFields } from '../model/target';
import { useFields, type FormProps } from '../ui/ask';
import { CheckField, Choice, TextField } from '../ui/fields';

/** The fields that are typed. */
type Typed = Exclude<keyof TargetFields, 'auth' | 'plainHttp' | 'portForward'>;

export interface TargetFormProps extends FormProps<TargetFields> {
  /** Whether it is there already, so that its name stays. */
  isKnown: boolean;
}

/** Asks where a cluster is, and how it is used. */
export function TargetForm(props: TargetFormProps): React.JSX.Element {
  const { isKnown, tried } = props;
  const [fields, change] = useFields(props);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const faults = targetFaults(fields);
  const set = (changed: Partial<TargetFields>) => {
    setTouched(new Set([...touched, ...Object.keys(changed)]));
    change(changed);
  };
  const bind = (name: Typed) => ({
    name,
    value: fields[name],
    // What is still empty is wrong only once somebody has been there, or wanted to save it.
    fault: tried || touched.has(name) || fields[name] !== '' ? faults[name] : undefined,
    onChange: (value: string) => set({ [name]: value })
  });
  return (
    <>
      <fieldset>
        <legend>Where it is</legend>
        {!isKnown && <TextField {...bind('name')} label="Name" unit="as it is called here" hint="prod" />}
        <TextField
          {...bind('host')}
          label="Address"
          unit={fields.portForward ? 'Service in the cluster' : 'of Kubeflow Pipelines'}
          hint={fields.portForward ? SERVICE : 'https://HOST/pipeline'}
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
          unit={fields.portForward ? 'the way there' : 'for rights and logs'}
          hint={fields.portForward ? '/PATH' : 'not asked'}
          wide
        />
        <TextField {...bind('context')} label="Context" unit="of it" hint="the current one" wide />
        <CheckField
          name="port-forward"
          checked={fields.portForward}
          onChange={portForward => set({ portForward })}
        >
          Reach Kubeflow through it (port-forward)
        </CheckField>
      </fieldset>
    </>
  );
}
