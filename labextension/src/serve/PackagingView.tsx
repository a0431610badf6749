import { ReactWidget } from '@jupyterlab/ui-components';
import React, { useCallback, useEffect, useState } from 'react';

import type { LablineClient } from '../api/client';
import type { Packaged, Packaging, PackagingStage } from '../api/packages';
import { usePolling } from '../endpoints/polling';
import { ActionButton, Notice, StateIcon } from '../ui/parts';

const STAGES: readonly (readonly [PackagingStage, string])[] = [
  ['slice', 'The notebook is sliced back from the call to its rows'],
  ['run', 'The slice runs on the values of the last run'],
  ['save', 'The model is made'],
  ['try', 'The model is asked for rows of the notebook'],
  ['register', 'The model is registered']
];

export interface PackagingOptions {
  client: LablineClient;
  packaging: Packaging;
  /** Have an endpoint serve what was registered. */
  deploy: (packaged: Packaged) => Promise<void>;
  /** Look at the cell. */
  showCell: () => void;
  /** Have the notebook run here, and then this once more. */
  runFirst: () => Promise<void>;
}

/** The body of the dialog that shows how far a packaging has come, and what came of it. It goes on without it. */
export class PackagingWidget extends ReactWidget {
  constructor(private readonly options: PackagingOptions) {
    super();
    this.addClass('labline-Form');
    this.addClass('labline-Packaging');
  }

  protected override render(): React.JSX.Element {
    return <View {...this.options} />;
  }
}

function View({ client, packaging, deploy, showCell, runFirst }: PackagingOptions): React.JSX.Element {
  const [active, setActive] = useState(true);
  const { value, trouble } = usePolling(
    useCallback(() => client.getPackaging(packaging.id), [client, packaging.id]),
    1,
    active
  );
  const now = value ?? packaging;
  useEffect(() => setActive(now.state === 'running'), [now.state]);
  const place = STAGES.findIndex(([stage]) => stage === now.stage);
  return (
    <div data-labline-packaging={now.state} aria-busy={now.state === 'running'}>
      <ol className="labline-Stages" aria-label="What is done">
        {STAGES.map(([stage, words], index) => (
          <li key={stage} data-labline-stage={stage}>
            <StateIcon state={stateOf(now, index - place)} /> {words}
          </li>
        ))}
      </ol>
      {trouble && <Notice kind="error">{trouble}</Notice>}
      {now.state === 'running' && (
        <p className="labline-Form-note" role="status">
          It takes about a minute, and goes on when this is closed.
        </p>
      )}
      {now.message !== '' && (
        <>
          <Notice kind="error">{now.message}</Notice>
          <div className="labline-Packaging-actions">
            {now.needs_run && (
              <ActionButton action="run-first" kind="primary" onClick={() => void runFirst()}>
                Run it, then make the model
              </ActionButton>
            )}
            <ActionButton action="show-cell" onClick={showCell}>
              Show the cell
            </ActionButton>
          </div>
        </>
      )}
      {now.packaged && <Registered packaged={now.packaged} deploy={deploy} />}
    </div>
  );
}

function stateOf({ state }: Packaging, ahead: number): 'succeeded' | 'running' | 'failed' | 'pending' {
  if (ahead < 0 || state === 'registered') {
    return 'succeeded';
  }
  if (ahead > 0) {
    return 'pending';
  }
  return state === 'running' ? 'running' : 'failed';
}

interface RegisteredProps {
  packaged: Packaged;
  deploy: (packaged: Packaged) => Promise<void>;
}

function Registered({ packaged, deploy }: RegisteredProps): React.JSX.Element {
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { model, version, prediction, place, input, columns, absent, left_out, tried } = packaged;
  const apart = tried.largest_difference;
  return (
    <>
      <p role="status">
        <b>
          Registered {model}/{version}
        </b>
        : {prediction} of {place}, from the rows of {input}.
      </p>
      <p className="labline-Form-note">
        Tried with {tried.rows} rows in {tried.requests} requests: as the notebook has them,{' '}
        {apart === 0 ? 'bit for bit' : `within ${apart.toExponential(0)}`}.
      </p>
      <p className="labline-Form-note">
        Requests bring {columns.length > 0 ? columns.join(', ') : 'an array of numbers'}.
        {absent.length > 0 && ` No feature needs ${absent.join(', ')}.`}
      </p>
      {left_out.length > 0 && (
        <p className="labline-Form-note">
          The notebook leaves out rows, or orders them; the model answers for every row: {left_out.join('; ')}
          .
        </p>
      )}
      {trouble && <Notice kind="error">{trouble}</Notice>}
      <ActionButton
        action="deploy-packaged"
        kind="primary"
        disabled={busy}
        onClick={() => {
          setBusy(true);
          deploy(packaged).catch((error: Error) => {
            setTrouble(error.message);
            setBusy(false);
          });
        }}
      >
        Deploy
      </ActionButton>
    </>
  );
}
