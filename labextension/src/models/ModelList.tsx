import React, { useCallback } from 'react';

import type { LablineClient } from '../api/client';
import { formatAgo, formatDate } from '../model/format';
import { ActionButton, Empty, LinkButton, Notice, PageLink } from '../ui/parts';
import { AliasBadge } from './parts';
import { useReading } from './reading';

export interface ModelListProps {
  client: LablineClient;
  open: (model: string) => void;
}

/** All registered models, by name. */
export function ModelList({ client, open }: ModelListProps): React.JSX.Element {
  const { value, trouble, busy, again } = useReading(useCallback(() => client.listModels(), [client]));
  return (
    <div className="labline-RunList" aria-busy={busy}>
      <div className="labline-Runs-head">
        <h1>Models</h1>
        <span className="labline-Runs-count" role="status">
          {busy ? 'Asking the registry…' : ''}
        </span>
        <ActionButton action="refresh-models" onClick={again} disabled={busy}>
          Refresh
        </ActionButton>
        <PageLink href={client.mlflowUrl}>MLflow</PageLink>
      </div>
      {trouble && <Notice kind="error">{trouble}</Notice>}
      {value?.length === 0 && (
        <Empty title="No model is registered yet">
          Name one in the <b>Options…</b> of the step that trains it and run the pipeline, press{' '}
          <b>Serve this…</b> above a cell that predicts, or log it with{' '}
          <code>mlflow.sklearn.log_model(…, registered_model_name=&quot;…&quot;)</code>.
        </Empty>
      )}
      {value !== null && value.length > 0 && (
        <table className="labline-Table" aria-label="Registered models">
          <thead>
            <tr>
              {['Model', 'Newest version', 'Aliases', 'Changed'].map(title => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {value.map(model => (
              <tr key={model.name} data-labline-model={model.name}>
                <td className="labline-mod-name" title={model.description}>
                  <LinkButton action="open-model" onClick={() => open(model.name)}>
                    {model.name}
                  </LinkButton>
                </td>
                <td className="labline-mod-number">{model.newest ?? '–'}</td>
                <td className="labline-mod-name">
                  {Object.entries(model.aliases).map(([alias, version]) => (
                    <AliasBadge key={alias} alias={alias} version={version} />
                  ))}
                  {Object.keys(model.aliases).length === 0 && '–'}
                </td>
                <td title={formatDate(model.updated)}>{formatAgo(model.updated, Date.now() / 1000)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
