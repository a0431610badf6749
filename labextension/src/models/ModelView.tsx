import React, { useCallback, useState } from 'react';

import type { LablineClient } from '../api/client';
import type { Model } from '../api/models';
import { formatDate } from '../model/format';
import { ActionButton, LinkButton, Notice, PageLink, Section } from '../ui/parts';
import { AliasBadge, CHAMPION } from './parts';
import { DeployForm } from './DeployForm';
import { GateForm } from './GateForm';
import { PromotionForm } from './PromotionForm';
import { useReading, type Reading } from './reading';
import { VersionTable } from './VersionTable';

export interface ModelViewProps {
  name: string;
  client: LablineClient;
  back: () => void;
  openRun: (run: string) => void;
  openEndpoint: (endpoint: string) => void;
}

/** A model: its versions side by side, its gate, and what has happened to its aliases. */
export function ModelView({ name, client, back, openRun, openEndpoint }: ModelViewProps): React.JSX.Element {
  const reading = useReading(useCallback(() => client.getModel(name), [client, name]));
  const { value: model, trouble, busy, again, change } = reading;
  const [promoting, setPromoting] = useState<string | null>(null);
  const [deploying, setDeploying] = useState<string | null>(null);
  const [said, setSaid] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const approve = async (version: string) => {
    const wrong = await change(() => client.approve(name, version, ''));
    setFault(wrong);
    setSaid(wrong === null ? `Version ${version} is approved.` : '');
  };
  return (
    <div className="labline-Run" data-labline-model-page={name} aria-busy={busy}>
      <nav className="labline-Run-back">
        <LinkButton action="back" onClick={back}>
          ‹ All models
        </LinkButton>
      </nav>
      <div className="labline-Runs-head">
        <h1>{name}</h1>
        {model &&
          Object.entries(model.aliases).map(([alias, version]) => (
            <AliasBadge key={alias} alias={alias} version={version} />
          ))}
        <span className="labline-Runs-count" role="status">
          {busy ? 'Asking the registry…' : said}
        </span>
        {model && (
          <RollbackButton model={model} client={client} change={change} tell={setSaid} disabled={busy} />
        )}
        <ActionButton action="refresh-model" onClick={again} disabled={busy}>
          Refresh
        </ActionButton>
        <PageLink href={`${client.mlflowUrl}#/models/${encodeURIComponent(name)}`}>MLflow</PageLink>
      </div>
      {model?.description && <p>{model.description}</p>}
      {trouble && <Notice kind="error">{trouble}</Notice>}
      {promoting !== null && model && (
        <PromotionForm
          key={promoting}
          model={model}
          version={promoting}
          client={client}
          change={change}
          close={(done?: string) => {
            setPromoting(null);
            setSaid(done ?? '');
          }}
        />
      )}
      {deploying !== null && model && (
        <DeployForm
          key={deploying}
          model={model}
          version={deploying}
          client={client}
          close={() => setDeploying(null)}
          openEndpoint={openEndpoint}
        />
      )}
      {model && (
        <>
          {fault && <Notice kind="error">{fault}</Notice>}
          <VersionTable
            model={model}
            busy={busy}
            openRun={openRun}
            approve={version => void approve(version)}
            promote={version => {
              setDeploying(null);
              setPromoting(version);
            }}
            deploy={version => {
              setPromoting(null);
              setDeploying(version);
            }}
          />
          <Section name="gate" title="Gate" count={model.gate.length}>
            <GateForm key={model.gate.join('\n')} model={model} client={client} change={change} />
          </Section>
          <Section name="history" title="History" count={model.history.length}>
            <History model={model} />
          </Section>
        </>
      )}
    </div>
  );
}

interface RollbackProps {
  model: Model;
  client: LablineClient;
  change: Reading<Model>['change'];
  tell: (said: string) => void;
  disabled: boolean;
}

/** One click; what it will do is said on it, and the history takes it back again. */
function RollbackButton({ model, client, change, tell, disabled }: RollbackProps): React.JSX.Element | null {
  const [fault, setFault] = useState<string | null>(null);
  const before = previous(model);
  if (before === null) {
    return null;
  }
  const rollBack = async () => {
    const wrong = await change(() => client.rollBack(model.name, CHAMPION));
    setFault(wrong);
    if (wrong === null) {
      tell(`Version ${before} is @${CHAMPION} again.`);
    }
  };
  return (
    <>
      <ActionButton
        action="rollback"
        kind="danger"
        onClick={() => void rollBack()}
        disabled={disabled}
        title={`Take back the last promotion to @${CHAMPION}`}
      >
        Roll back to {before}
      </ActionButton>
      {fault && <Notice kind="error">{fault}</Notice>}
    </>
  );
}

/** The version that a rollback of the champion would go to: what the last promotion in force took its place from. */
export function previous(model: Pick<Model, 'aliases' | 'history'>): string | null {
  const stack: { version: string; previous: string | null }[] = [];
  for (const move of [...model.history].reverse()) {
    if (move.alias !== CHAMPION) {
      continue;
    }
    if (move.kind === 'promotion') {
      stack.push(move);
    } else {
      stack.pop();
    }
  }
  const last = stack[stack.length - 1];
  return last !== undefined && last.version === model.aliases[CHAMPION] ? last.previous : null;
}

function History({ model }: { model: Model }): React.JSX.Element {
  if (model.history.length === 0) {
    return <p className="labline-Log-note">No alias was moved by Labline yet.</p>;
  }
  return (
    <table className="labline-Table" aria-label="History of the aliases, newest first">
      <thead>
        <tr>
          {['When', 'Who', 'What', 'Why'].map(title => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {model.history.map(move => (
          <tr key={`${move.when}`} data-labline-move={move.kind}>
            <td>{formatDate(move.when)}</td>
            <td>{move.who}</td>
            <td>
              <AliasBadge alias={move.alias} version={move.version} />
              {move.kind === 'promotion' ? 'promoted' : 'rolled back'}
              {move.previous !== null && `, was ${move.previous}`}
            </td>
            <td className="labline-mod-wrap">
              {move.reason}
              {move.failed.length > 0 && (
                <span className="labline-RunList-error"> in spite of {move.failed.join('; ')}</span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
