import React from 'react';

import { isActive, type Certificate, type Run, type RunDetail } from '../api/types';
import { numbers, summarise, TITLES } from '../model/certificate';
import { VerdictIcon } from '../ui/seal';

/** What a verification of the run found; pressed, it opens the certificate. */
export function Seal({
  certificate,
  open,
  controls,
  onToggle
}: {
  certificate: Certificate;
  open: boolean;
  controls: string;
  onToggle: () => void;
}): React.JSX.Element {
  const { verdict } = certificate;
  return (
    <button
      type="button"
      className="labline-Seal"
      data-labline-verdict={verdict}
      data-labline-action="certificate"
      title={summarise(certificate).sentence}
      aria-expanded={open}
      aria-controls={controls}
      onClick={onToggle}
    >
      <VerdictIcon verdict={verdict} />
      {TITLES[verdict]}
    </button>
  );
}

/** The verdict and the numbers, where there is no room for more. */
export function SmallSeal({ certificate }: { certificate: Certificate }): React.JSX.Element {
  const { verdict } = certificate;
  return (
    <p className="labline-SmallSeal" data-labline-verdict={verdict} title={summarise(certificate).sentence}>
      <VerdictIcon verdict={verdict} />
      <span>
        <b>{TITLES[verdict]}</b>
        <small>{numbers(certificate)}</small>
      </span>
    </p>
  );
}

/** The verdict alone, in a row of the list; its words are for who points at it, and for screen readers. */
export function RowSeal({ run }: { run: Run }): React.JSX.Element | null {
  const verdict = run.verification?.verdict;
  return verdict ? (
    <span
      className="labline-RowSeal"
      data-labline-verdict={verdict}
      role="img"
      aria-label={TITLES[verdict]}
      title={TITLES[verdict]}
    >
      <VerdictIcon verdict={verdict} />
    </span>
  ) : null;
}

/** How far a verification is. */
export function Verifying({ run }: { run: Run }): React.JSX.Element | null {
  const { verification } = run;
  if (verification?.state !== 'running') {
    return null;
  }
  const steps = isActive(run.state);
  const done = steps ? run.steps_done : verification.done;
  const total = steps ? run.steps_total : verification.total;
  return (
    <div className="labline-Verifying" role="status" data-labline-verifying="">
      <VerdictIcon />
      <span>
        <b>Verifying</b> {verification.doing}
        {total > 0 && `: ${done} of ${total} ${steps ? 'steps' : 'cells'}`}
      </span>
      <progress
        aria-label="How far the verification is"
        value={total > 0 ? done : undefined}
        max={total || undefined}
      />
    </div>
  );
}

/** Why there is no certificate, or none to be trusted, where one was asked for. */
export function NotVerified({ run }: { run: RunDetail }): React.JSX.Element | null {
  const { verification, certificate_fault } = run;
  const why =
    certificate_fault ??
    {
      running: null,
      ended: null,
      cancelled: 'The verification was cancelled.',
      failed: verification?.problem,
      interrupted: verification?.problem
    }[verification?.state ?? 'ended'];
  return why ? (
    <p className="labline-Notice" data-labline-notice="error" role="alert">
      Not verified. {why}
    </p>
  ) : null;
}
