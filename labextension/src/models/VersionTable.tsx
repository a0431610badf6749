import React from 'react';

import type { Model, ModelVersion } from '../api/models';
import { formatAgo, formatDate, formatNumber } from '../model/format';
import { ActionButton, LinkButton } from '../ui/parts';
import { VerdictIcon } from '../ui/seal';
import { AliasBadge, CHAMPION } from './parts';

export interface VersionTableProps {
  model: Model;
  busy: boolean;
  openRun: (run: string) => void;
  approve: (version: string) => void;
  promote: (version: string) => void;
  deploy: (version: string) => void;
}

/** The versions of a model, the newest first, with a column for each metric. */
export function VersionTable(props: VersionTableProps): React.JSX.Element {
  const { model, busy, openRun, approve, promote, deploy } = props;
  const metrics = [...new Set(model.versions.flatMap(version => Object.keys(version.metrics)))];
  const champion = model.versions.find(({ aliases }) => aliases.includes(CHAMPION));
  return (
    <div className="labline-Compare">
      <table
        className="labline-Table labline-mod-versions"
        aria-label={`Versions of ${model.name}, newest first`}
      >
        <thead>
          <tr>
            {['Version', 'Made', 'Certificate', 'Approved by'].map(title => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            {metrics.map(metric => (
              <th key={metric} scope="col" title={metric} className="labline-mod-metric">
                {metric}
              </th>
            ))}
            <td className="labline-Models-actions" />
          </tr>
        </thead>
        <tbody>
          {model.versions.map(version => (
            <tr key={version.version} data-labline-version={version.version}>
              <th scope="row">
                <b>{version.version}</b>{' '}
                {version.aliases.map(alias => (
                  <AliasBadge key={alias} alias={alias} />
                ))}
              </th>
              <td>
                <Made version={version} openRun={openRun} />
              </td>
              <td>
                <Verdict verdict={version.verdict} />
              </td>
              <td
                title={version.approvals.map(({ who, note }) => (note ? `${who}: ${note}` : who)).join('\n')}
              >
                {[...new Set(version.approvals.map(({ who }) => who))].join(', ') || '–'}
              </td>
              {metrics.map(metric => (
                <Metric key={metric} version={version} champion={champion} metric={metric} />
              ))}
              <td className="labline-Models-actions">
                <ActionButton
                  action="approve"
                  onClick={() => approve(version.version)}
                  disabled={busy}
                  label={`Approve version ${version.version}`}
                >
                  Approve
                </ActionButton>
                <ActionButton
                  action="promote"
                  onClick={() => promote(version.version)}
                  disabled={busy || version === champion}
                  label={`Promote version ${version.version}`}
                >
                  Promote…
                </ActionButton>
                <ActionButton
                  action="deploy"
                  onClick={() => deploy(version.version)}
                  disabled={busy}
                  label={`Deploy version ${version.version}`}
                >
                  Deploy…
                </ActionButton>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {model.older > 0 && (
        <p className="labline-Log-note">
          {model.older === 1 ? 'One older version is' : `${model.older} older versions are`} in MLflow.
        </p>
      )}
    </div>
  );
}

/** When, and the way to the run that made it: the metrics need the room that its long name would take. */
function Made({
  version: { created, run },
  openRun
}: Pick<VersionTableProps, 'openRun'> & { version: ModelVersion }): React.JSX.Element {
  const ago = formatAgo(created, Date.now() / 1000);
  return run === null ? (
    <span title={formatDate(created)}>{ago}</span>
  ) : (
    <LinkButton
      action="open-run"
      label={`${ago}: open run ${run}`}
      title={`${formatDate(created)}\nby run ${run}`}
      onClick={() => openRun(run)}
    >
      {ago}
    </LinkButton>
  );
}

function Verdict({ verdict }: { verdict: string | null }): React.JSX.Element {
  if (verdict === 'verified' || verdict === 'partly verified' || verdict === 'different') {
    return (
      <span className="labline-Models-verdict" data-labline-verdict={verdict}>
        <VerdictIcon verdict={verdict} /> {verdict}
      </span>
    );
  }
  return <>–</>;
}

interface MetricProps {
  version: ModelVersion;
  champion: ModelVersion | undefined;
  metric: string;
}

/** A value, and how far it is from the champion's. */
function Metric({ version, champion, metric }: MetricProps): React.JSX.Element {
  const value = version.metrics[metric];
  if (value === undefined) {
    return <td className="labline-mod-number">–</td>;
  }
  const held = champion?.metrics[metric];
  const apart =
    champion === version || value === null || held === undefined || held === null ? 0 : value - held;
  return (
    <td className="labline-mod-number" data-labline-metric={metric}>
      {value === null ? 'not a number' : formatNumber(value)}
      {apart !== 0 && (
        <small className="labline-Models-apart" title={`Than the champion, version ${champion!.version}`}>
          {' '}
          {apart > 0 ? '+' : '−'}
          {formatNumber(Math.abs(apart))}
        </small>
      )}
    </td>
  );
}
