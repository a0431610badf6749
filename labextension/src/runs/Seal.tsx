import React from 'react';

import type { Certificate, Verification } from '../api/types';
import { summarise, TITLES } from '../model/certificate';
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

/** The verdict where there is no room for more. */
export function SmallSeal({ certificate }: { certificate: Certificate }): React.JSX.Element {
  const { verdict } = certificate;
  return (
    <span
      className="labline-SmallSeal"
      data-labline-verdict={verdict}
      title={summarise(certificate).sentence}
    >
      <VerdictIcon verdict={verdict} />
      {TITLES[verdict]}
    </span>
  );
}

/** How far a verification is. */
export function Verifying({ verification }: { verification: Verification }): React.JSX.Element {
  const { doing, done, total } = verification;
  const said = total > 0 ? `${doing}: ${done} of ${total} cells` : doing;
  return (
    <div className="labline-Verifying" role="status" data-labline-verifying="">
      <VerdictIcon />
      <span>
        <b>Verifying</b> {said}
      </span>
      <progress
        aria-label="How far the verification is"
        value={total > 0 ? done : undefined}
        max={total || undefined}
      />
    </div>
  );
}
