import { Dialog, showDialog } from '@jupyterlab/apputils';
import React, { useCallback, useEffect, useId, useState } from 'react';

import type { LablineClient } from '../api/client';
import type { Endpoint } from '../api/endpoints';
import { formatNumber } from '../model/format';
import { ActionButton, LinkButton, Notice, Section } from '../ui/parts';
import { again, served } from './deployment';
import { EndpointBadge } from './parts';
import { usePolling } from './polling';
import { TestPanel } from './TestPanel';
import { TrafficView } from './TrafficView';

const SECONDS = 2;

export interface EndpointViewProps {
  name: string;
  client: LablineClient;
  back: () => void;
  openModel: (model: string) => void;
}

/** An endpoint: what it serves and how it does, a panel to try it, its log, and what can be done to it. */
export function EndpointView({ name, client, back, openModel }: EndpointViewProps): React.JSX.Element {
  const {
    value: endpoint,
    trouble,
    put
  } = usePolling(
    useCallback(() => client.getEndpoint(name), [client, name]),
    SECONDS
  );
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const change = async (work: () => Promise<Endpoint>) => {
    setBusy(true);
    try {
      put(await work());
      setFault(null);
      return true;
    } catch (error) {
      setFault((error as Error).message);
      return false;
    } finally {
      setBusy(false);
    }
  };
  const remove = async () => {
    const { button } = await showDialog({
      title: `Remove the endpoint ${name}?`,
      body: 'It answers what it has, and is forgotten with its token and its log. The model stays.',
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: 'Remove' })]
    });
    if (button.accept && (await change(() => client.removeEndpoint(name)))) {
      back();
    }
  };
  return (
    <div className="labline-Run" data-labline-endpoint-page={name} aria-busy={endpoint === null && !trouble}>
      <nav className="labline-Run-back">
        <LinkButton action="back" onClick={back}>
          ‹ All endpoints
        </LinkButton>
      </nav>
      <div className="labline-Runs-head">
        <h1>{name}</h1>
        {endpoint && <EndpointBadge state={endpoint.state} />}
        <span className="labline-Runs-count" role="status">
          {endpoint && (endpoint.settled ? endpoint.message : meanwhile(endpoint))}
        </span>
        {endpoint && endpoint.wanted === 'running' && (
          <>
            <Scale
              key={endpoint.spec.workers}
              endpoint={endpoint}
              busy={busy}
              scale={workers => void change(() => client.scaleEndpoint(name, workers))}
            />
            <ActionButton
              action="stop-endpoint"
              disabled={busy}
              onClick={() => void change(() => client.stopEndpoint(name))}
            >
              Stop
            </ActionButton>
          </>
        )}
        {endpoint && endpoint.wanted === 'stopped' && (
          <ActionButton
            action="start-endpoint"
            kind="primary"
            disabled={busy || endpoint.state === 'ready'}
            onClick={() => void change(() => client.deploy(again(endpoint)))}
          >
            Start again
          </ActionButton>
        )}
        <ActionButton
          action="remove-endpoint"
          kind="danger"
          disabled={busy || endpoint === null}
          onClick={() => void remove()}
        >
          Remove…
        </ActionButton>
      </div>
      {trouble && <Notice kind="error">{trouble}</Notice>}
      {fault && <Notice kind="error">{fault}</Notice>}
      {endpoint?.refused && (
        <Notice kind="error">It could not serve what was wanted: {endpoint.message}</Notice>
      )}
      {endpoint && (
        <>
          <ServedTable endpoint={endpoint} openModel={openModel} />
          {endpoint.wanted === 'running' && <Places endpoint={endpoint} />}
          {endpoint.state === 'ready' && Object.keys(endpoint.versions).length > 0 && (
            <>
              <Section name="try" title="Try it">
                <TestPanel endpoint={endpoint} client={client} />
              </Section>
              <Section name="traffic" title="The last five minutes">
                <TrafficView endpoint={endpoint} client={client} />
              </Section>
            </>
          )}
          <Section name="log" title="Log">
            <LogText
              name={name}
              client={client}
              hasAccessLog={endpoint.spec.access_log}
              message={`${endpoint.state} ${endpoint.message}`}
            />
          </Section>
        </>
      )}
    </div>
  );
}

interface ScaleProps {
  endpoint: Endpoint;
  busy: boolean;
  scale: (workers: number) => void;
}

function Scale({ endpoint, busy, scale }: ScaleProps): React.JSX.Element {
  const [workers, setWorkers] = useState(String(endpoint.spec.workers));
  const id = useId();
  const count = Number(workers);
  return (
    <form
      className="labline-Scale"
      onSubmit={event => {
        event.preventDefault();
        scale(count);
      }}
    >
      <label htmlFor={id}>Workers</label>
      <input
        id={id}
        type="number"
        min={1}
        max={64}
        required
        data-labline-option="workers"
        value={workers}
        onChange={event => setWorkers(event.target.value)}
      />
      <button
        type="submit"
        className="labline-Button"
        data-labline-action="scale"
        disabled={busy || count === endpoint.spec.workers}
      >
        Scale
      </button>
    </form>
  );
}

interface ServedTableProps {
  endpoint: Endpoint;
  openModel: (model: string) => void;
}

function ServedTable({ endpoint, openModel }: ServedTableProps): React.JSX.Element {
  const { spec } = endpoint;
  const way = new Map(
    endpoint.asked_by.map(said => {
      const [version, ...rest] = said.split(': ');
      return [version.slice(version.lastIndexOf('/') + 1), rest.join(': ')];
    })
  );
  return (
    <table className="labline-Table labline-Served" aria-label={`What ${endpoint.name} serves`}>
      <thead>
        <tr>
          {['Version', 'Named', 'Share', 'On trial', 'How it is asked'].map(title => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {served(endpoint).map(({ reference, version, share, role }) => (
          <tr key={`${role} ${reference}`} data-labline-served={version ?? ''}>
            <td className="labline-mod-name">
              <LinkButton action="open-model" onClick={() => openModel(spec.model)}>
                {spec.model}
                {nameOf(version, reference)}
              </LinkButton>
            </td>
            <td>{reference === '' ? 'newest' : /^\d+$/.test(reference) ? '–' : `@${reference}`}</td>
            <td className="labline-mod-number">
              {role === 'shadow' ? 'shadow' : `${formatNumber(Math.round(share * 1000) / 10)} %`}
            </td>
            <td className="labline-mod-wrap">
              {role === 'canary' && spec.canary
                ? `taken back at ${formatNumber(Math.round(spec.canary.errors * 100))} points more errors, or ` +
                  `${formatNumber(spec.canary.latency)} times the latency`
                : role === 'shadow'
                  ? 'asked the same afterwards, never answers'
                  : '–'}
            </td>
            <td className="labline-mod-wrap">{(version !== null && way.get(version)) || '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What stands after a model's name; a version that was asked for as such is known before it is there. */
function nameOf(version: string | null, reference: string): string {
  const known = version ?? (/^\d+$/.test(reference) ? reference : null);
  return known === null ? '' : `/${known}`;
}

/** Where it is reached on the server's machine. */
function Places({ endpoint }: { endpoint: Endpoint }): React.JSX.Element {
  const { address, grpc_address: grpc } = endpoint;
  return (
    <p className="labline-Places">
      {address && (
        <span>
          HTTP <code data-labline-place="http">{address}</code>
        </span>
      )}
      {grpc && (
        <span>
          gRPC <code data-labline-place="grpc">{grpc}</code>
        </span>
      )}
    </p>
  );
}

/** What an endpoint is about that has not dealt with what is wanted yet: what it says begins with a verb. */
function meanwhile({ message, refused }: Endpoint): string {
  const wanted = 'Getting it ready…';
  return message === '' || refused ? wanted : `${wanted} Meanwhile it ${message}.`;
}

interface LogTextProps {
  name: string;
  client: LablineClient;
  /** Whether there is one of the requests besides what its processes print. */
  hasAccessLog: boolean;
  /** Read again when this changes. */
  message: string;
}

function LogText({ name, client, hasAccessLog, message }: LogTextProps): React.JSX.Element {
  const [text, setText] = useState('');
  const [wanted, setWanted] = useState<'own' | 'access'>('own');
  const isAccess = hasAccessLog && wanted === 'access';
  const read = useCallback(() => {
    client.endpointLog(name, isAccess).then(setText, (error: Error) => setText(error.message));
  }, [client, name, isAccess]);
  useEffect(read, [read, message]);
  return (
    <>
      <div className="labline-EndpointLog-head">
        {hasAccessLog && (
          <select
            aria-label="Which log"
            data-labline-option="which-log"
            value={wanted}
            onChange={event => setWanted(event.target.value as 'own' | 'access')}
          >
            <option value="own">What its processes say</option>
            <option value="access">Requests</option>
          </select>
        )}
        <ActionButton action="read-log" onClick={read}>
          Read again
        </ActionButton>
      </div>
      <pre className="labline-EndpointLog" tabIndex={0} aria-label={`Log of ${name}`} data-labline-log="">
        {text || (isAccess ? 'Nothing was asked yet.' : 'Nothing was printed yet.')}
      </pre>
    </>
  );
}
