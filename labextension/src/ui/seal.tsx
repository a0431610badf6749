import React from 'react';

import type { Verdict, VerificationStatus } from '../api/types';

export const SHIELD = 'M8 1.2l5.6 2v4.4c0 3.4-2.3 5.9-5.6 7.2-3.3-1.3-5.6-3.8-5.6-7.2V3.2z';

// Drawn in a box of 16: shapes differ, so that colour is never the only sign.
const VERDICTS: Readonly<Record<Verdict, React.JSX.Element>> = {
  verified: <path d="M5 8.2l2.2 2.2L11.2 6" />,
  'partly verified': <path d="M5 8.2h6" />,
  different: <path d="M5.6 5.8l4.8 4.8M10.4 5.8l-4.8 4.8" />
};

const STATUSES: Readonly<Record<VerificationStatus, React.JSX.Element>> = {
  equal: <path d="M3.5 8.5l3 3 6-7" />,
  nondeterministic: <path d="M2.5 9.5c1.8-3.6 3.7-3.6 5.5-1.5s3.7 2.1 5.5-1.5" />,
  different: <path d="M4 4l8 8M12 4l-8 8" />,
  'not comparable': <path d="M3.5 8h9" />
};

/** A shield with the verdict in it; without one it is empty. */
export function VerdictIcon({ verdict }: { verdict?: Verdict }): React.JSX.Element {
  return (
    <svg className="labline-VerdictIcon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHIELD} />
      {verdict && VERDICTS[verdict]}
    </svg>
  );
}

/** How two things compare. */
export function StatusIcon({ status }: { status: VerificationStatus }): React.JSX.Element {
  return (
    <svg className="labline-StatusIcon" data-labline-status={status} viewBox="0 0 16 16" aria-hidden="true">
      {STATUSES[status]}
    </svg>
  );
}
