import React from 'react';

import { LOCAL } from '../api/targets';
import { type Certificate, type CertifiedCell, type VerificationStatus } from '../api/types';
import { boundaries, summarise, type Boundary, type Exception } from '../model/certificate';
import { formatDate } from '../model/format';
import { StatusIcon } from '../ui/seal';

export interface CertificateViewProps {
  id: string;
  certificate: Certificate;
  /** The steps, in the order of the pipeline. */
  steps: readonly string[];
  /** Where the certificate can be fetched, with every digest. */
  url: string;
}

/** What a verification found: the exceptions first, then value by step, and cell by cell. */
export function CertificateView({ id, certificate, steps, url }: CertificateViewProps): React.JSX.Element {
  const { verdict, digest, created, target, cells, reference_runs, shared } = certificate;
  const { sentence, exceptions } = summarise(certificate);
  return (
    <section id={id} className="labline-Certificate" data-labline-verdict={verdict} aria-label="Certificate">
      <p className="labline-Certificate-sentence">{sentence}</p>
      {exceptions.length > 0 && <Exceptions exceptions={exceptions} />}
      {shared.length > 0 && (
        <p className="labline-Certificate-shared">
          Written outside of what is put back before each execution, so that they shared it:{' '}
          <code>{shared.join(', ')}</code>
        </p>
      )}
      <div className="labline-Certificate-parts">
        <Values certificate={certificate} steps={steps} />
        {cells.length > 0 && <Cells cells={cells} />}
      </div>
      <div className="labline-Certificate-facts">
        <span>
          {formatDate(Date.parse(created) / 1000)}, on {target === LOCAL ? 'this machine' : target}. The
          notebook ran {reference_runs === 1 ? 'once' : 'twice'}, the pipeline once, each from the same copy
          of the folder.
        </span>
        <span>
          Certificate <code title={digest}>{digest.slice(0, 16)}</code>{' '}
          <a className="labline-Link" href={url} download="certificate.json" data-labline-action="download">
            Download
          </a>
        </span>
      </div>
    </section>
  );
}

function Exceptions({ exceptions }: { exceptions: readonly Exception[] }): React.JSX.Element {
  return (
    <div className="labline-Certificate-scroll" tabIndex={0} role="group" aria-label="What is not equal">
      <table className="labline-Table labline-Exceptions">
        <thead>
          <tr>
            <th scope="col">Found</th>
            <th scope="col">Value or cell</th>
            <th scope="col">Steps</th>
            <th scope="col">First difference</th>
            <th scope="col">What stands there</th>
          </tr>
        </thead>
        <tbody>
          {exceptions.map((exception, index) => (
            <ExceptionRow key={index} exception={exception} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ExceptionRow({ exception }: { exception: Exception }): React.JSX.Element {
  const { what, steps, status, note, difference } = exception;
  return (
    <tr data-labline-exception={what}>
      <td>
        <Status status={status} />
      </td>
      <td className="labline-mod-code">{what}</td>
      <td className="labline-mod-wrap">{steps.join(', ')}</td>
      {difference ? (
        <>
          <td className="labline-mod-code labline-mod-wrap">
            {difference.path}
            {note && <div className="labline-Exceptions-note">{note}</div>}
          </td>
          <td className="labline-mod-wrap">
            <dl className="labline-Sides">
              <dt>notebook</dt>
              <dd>{difference.notebook}</dd>
              <dt>pipeline</dt>
              <dd>{difference.pipeline}</dd>
            </dl>
          </td>
        </>
      ) : (
        <td className="labline-mod-wrap" colSpan={2}>
          {note}
        </td>
      )}
    </tr>
  );
}

function Status({ status }: { status: VerificationStatus }): React.JSX.Element {
  return (
    <span className="labline-Certificate-status" data-labline-status={status}>
      <StatusIcon status={status} />
      {status}
    </span>
  );
}

function Values({
  certificate,
  steps
}: {
  certificate: Certificate;
  steps: readonly string[];
}): React.JSX.Element {
  const rows = boundaries(certificate);
  return (
    <div>
      <h2>What each step takes (in) and hands on (out)</h2>
      <div className="labline-Certificate-scroll" tabIndex={0} role="group" aria-label="Values, step by step">
        <table className="labline-Matrix">
          <thead>
            <tr>
              <th scope="col">Value</th>
              {steps.map(step => (
                <th key={step} scope="col" title={step}>
                  {step}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, type, at }) => (
              <tr key={name} data-labline-certified={name}>
                <th scope="row" title={type ?? undefined}>
                  {name}
                </th>
                {steps.map(step => (
                  <td key={step}>
                    {at.get(step)?.map(boundary => (
                      <Mark key={boundary.role} name={name} step={step} boundary={boundary} />
                    ))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Mark({
  name,
  step,
  boundary
}: {
  name: string;
  step: string;
  boundary: Boundary;
}): React.JSX.Element {
  const { role, source, status } = boundary;
  const doing = {
    input: `${step} takes ${name} from ${source}`,
    output: `${step} hands ${name} on`,
    parameter: `${step} reads the parameter ${name}`
  }[role];
  return (
    <span
      className="labline-Mark"
      data-labline-status={status}
      title={`${doing}: ${status}`}
      role="img"
      aria-label={`${doing}: ${status}`}
    >
      {role === 'output' ? 'out' : 'in'}
      <StatusIcon status={status} />
    </span>
  );
}

function Cells({ cells }: { cells: readonly CertifiedCell[] }): React.JSX.Element {
  return (
    <div>
      <h2>What the cells show</h2>
      <ol className="labline-CertifiedCells">
        {cells.map(({ index, step, status }) => {
          const said = `Cell ${index + 1}, ${step ?? 'every step'}: ${status}`;
          return (
            <li key={index} data-labline-status={status} title={said} aria-label={said}>
              {index + 1}
              <StatusIcon status={status} />
            </li>
          );
        })}
      </ol>
    </div>
  );
}
