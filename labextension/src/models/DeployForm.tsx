import React, { useEffect, useId, useRef, useState } from 'react';

import type { LablineClient } from '../api/client';
import type { DeployRequest } from '../api/endpoints';
import type { Model } from '../api/models';
import { answeringFaults, AS_IT_IS, toRequest } from '../endpoints/answering';
import { asked, nameFor } from '../endpoints/deployment';
import { CheckField, Choice, TextField } from '../ui/fields';
import { ActionButton, Notice } from '../ui/parts';
import { AnsweringFields } from './AnsweringFields';
import { CHAMPION } from './parts';

export interface DeployFormProps {
  model: Pick<Model, 'name' | 'versions' | 'aliases'>;
  version: string;
  client: LablineClient;
  close: () => void;
  openEndpoint: (endpoint: string) => void;
}

/** Which endpoint is to serve a version: alone, beside another one, with a shadow. */
export function DeployForm({
  model,
  version,
  client,
  close,
  openEndpoint
}: DeployFormProps): React.JSX.Element {
  const others = [
    ...Object.entries(model.aliases)
      .filter(([, stood]) => stood !== version)
      .map(([alias, stood]) => [alias, `@${alias} (${stood})`] as const),
    ...model.versions
      .filter(each => each.version !== version)
      .map(each => [each.version, each.version] as const)
  ];
  const [name, setName] = useState(nameFor(model.name));
  const [share, setShare] = useState('100');
  const [rest, setRest] = useState(
    others.some(([reference]) => reference === CHAMPION) ? CHAMPION : (others[0]?.[0] ?? '')
  );
  const [canary, setCanary] = useState(true);
  const [shadow, setShadow] = useState('');
  const [workers, setWorkers] = useState('');
  const [environment, setEnvironment] = useState<'' | 'model' | 'server'>('');
  const [answering, setAnswering] = useState(AS_IT_IS);
  const [isOpen, setOpen] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const percent = /^\d+$/.test(share.trim()) ? Number(share) : NaN;
  const shareFault = percent >= 0 && percent <= 100 ? undefined : 'a whole number from 0 to 100';
  const workersFault =
    workers.trim() === '' || /^([1-9]|[1-5]\d|6[0-4])$/.test(workers.trim()) ? undefined : '1 to 64';
  const isAnsweringFaulty = Object.keys(answeringFaults(answering)).length > 0;
  const isFaulty = shareFault !== undefined || workersFault !== undefined || isAnsweringFaulty;
  const shared = percent < 100 && rest !== '';
  const deploy = async () => {
    const request: DeployRequest = {
      model: shared ? model.name : asked(model.name, version),
      name: name.trim(),
      ...(shared ? { split: { [version]: percent, [rest]: 100 - percent } } : {}),
      ...(shared && canary && percent > 0 ? { canary: version } : {}),
      ...(shadow === '' ? {} : { shadow }),
      ...(workers.trim() === '' ? {} : { workers: Number(workers) }),
      ...(environment ? { environment } : {}),
      ...toRequest(answering)
    };
    setBusy(true);
    try {
      const endpoint = await client.deploy(request);
      close();
      openEndpoint(endpoint.name);
    } catch (error) {
      setTrouble((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <section
      className="labline-Models-promotion"
      aria-labelledby={`${id}-title`}
      data-labline-deployment={version}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.preventDefault();
          close();
        }
      }}
    >
      <h2 id={`${id}-title`} ref={heading} tabIndex={-1}>
        Deploy version {version}
      </h2>
      {trouble && <Notice kind="error">{trouble}</Notice>}
      <div className="labline-Form">
        <TextField
          name="endpoint"
          label="Endpoint"
          value={name}
          onChange={setName}
          unit="a new one, or one to change"
          hint={nameFor(model.name)}
          wide
        />
        {others.length > 0 && (
          <>
            <TextField
              name="share"
              label="Share"
              value={share}
              onChange={setShare}
              unit="% of the requests"
              hint="100"
              fault={shareFault}
            />
            {shared && (
              <>
                <Choice name="rest" label="The rest to" value={rest} onChange={setRest} choices={others} />
                {percent > 0 && (
                  <CheckField name="canary" checked={canary} onChange={setCanary}>
                    Take version {version} back when it does worse than the rest
                  </CheckField>
                )}
              </>
            )}
            <Choice
              name="shadow"
              label="Shadow"
              value={shadow}
              onChange={setShadow}
              choices={[['', 'none'], ...others]}
            />
          </>
        )}
        <TextField
          name="workers"
          label="Workers"
          value={workers}
          onChange={setWorkers}
          unit="processes that answer; 1 in a new endpoint"
          hint="unchanged"
          fault={workersFault}
        />
        <Choice
          name="environment"
          label="Packages"
          value={environment}
          onChange={chosen => setEnvironment(chosen as typeof environment)}
          choices={[
            ['', 'unchanged; the model’s in a new endpoint'],
            ['model', 'those that the model was made with'],
            ['server', 'those installed beside Labline']
          ]}
        />
        <details open={isOpen || isAnsweringFaulty} onToggle={event => setOpen(event.currentTarget.open)}>
          <summary>How it answers</summary>
          <fieldset aria-label="How it answers">
            <AnsweringFields value={answering} onChange={setAnswering} />
          </fieldset>
        </details>
      </div>
      <div className="labline-Models-actions">
        <ActionButton
          action="confirm-deployment"
          kind="primary"
          onClick={() => void deploy()}
          disabled={busy || name.trim() === '' || isFaulty}
        >
          {busy ? 'Deploying…' : 'Deploy'}
        </ActionButton>
        <ActionButton action="cancel-deployment" onClick={close}>
          Cancel
        </ActionButton>
      </div>
    </section>
  );
}
