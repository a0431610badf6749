import React, { useId, useState } from 'react';

import type { Certificate } from '../api/types';
import { summarise, type Exception } from '../model/certificate';
import { formatDate } from '../model/format';

// Drawn in a box of 16: shapes differ, so that colour is never the only sign.
const SHAPES = {
  verified: <path d="M5 8.2l2.2 2.2L11.2 6" />,
  'partly verified': <path d="M5 8.2h6" />,
  different: <path d="M5.6 5.8l4.8 4.8M10.4 5.8l-4.8 4.8" />
} as const;

/** What a verification of the run found; pressed, it opens to say what was not equal. */
export function Seal({ certificate }: { certificate: Certificate }): React.JSX.Element {
  const [open, setOpen] = useState(false);
  const id = useId();
  const { verdict, digest, created, target } = certificate;
  const { title, sentence, exceptions } = summarise(certificate);
  return (
    <>
      <button
        type="button"
        className="labline-Seal"
        data-labline-verdict={verdict}
        data-labline-action="certificate"
        title={sentence}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M8 1.2l5.6 2v4.4c0 3.4-2.3 5.9-5.6 7.2-3.3-1.3-5.6-3.8-5.6-7.2V3.2z" />
          {SHAPES[verdict]}
        </svg>
        {title}
      </button>
      <section id={id} className="labline-Certificate" aria-label="Certificate" hidden={!open}>
        <p>{sentence}</p>
        {exceptions.length > 0 && <Exceptions exceptions={exceptions} />}
        <p className="labline-Certificate-facts">
          Verified on target {target}, {formatDate(Date.parse(created) / 1000)}. Certificate{' '}
          <code title={digest}>{digest.slice(0, 16)}</code>
        </p>
      </section>
    </>
  );
}

function Exceptions({ exceptions }: { exceptions: readonly Exception[] }): React.JSX.Element {
  return (
    <div className="labline-Value-scroll" tabIndex={0} role="group" aria-label="What is not equal">
      <table className="labline-Table">
        <thead>
          <tr>
            <th scope="col">Value or cell</th>
            <th scope="col">Steps</th>
            <th scope="col">Found</th>
            <th scope="col">Where</th>
          </tr>
        </thead>
        <tbody>
          {exceptions.map(({ what, steps, status, detail }, index) => (
            <tr key={index} data-labline-exception={what}>
              <td className="labline-mod-code">{what}</td>
              <td>{steps.join(', ')}</td>
              <td>
                <span className="labline-Certificate-status" data-labline-status={status}>
                  {status}
                </span>
              </td>
              <td className="labline-Certificate-detail">{detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
