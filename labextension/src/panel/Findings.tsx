import React, { useState } from 'react';

import type { Edit, Finding, Severity } from '../api/types';
import { ActionButton, LinkButton, WithCode } from '../ui/parts';
import { SEVERITY_WORDS } from '../ui/words';

const SHAPES: Readonly<Record<Severity, React.JSX.Element>> = {
  error: <path d="M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM7.2 4.5h1.6v4.6H7.2zm0 5.8h1.6v1.6H7.2z" />,
  warning: <path d="M8 1.6L15 14H1zM7.2 6h1.6v4H7.2zm0 4.9h1.6v1.5H7.2z" />,
  info: <path d="M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM7.2 4.2h1.6v1.6H7.2zm0 2.7h1.6v4.9H7.2z" />
};

const ORDER: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** How many findings are shown at first, and more each time that is asked for. */
const PAGE = 100;

export interface FindingsProps {
  findings: readonly Finding[];
  /** Absent where no notebook is open to jump into. */
  onJump?: (finding: Finding) => void;
  /** Absent where there is no notebook to change. */
  onFix?: (edit: Edit) => void;
}

export function Findings({ findings, onJump, onFix }: FindingsProps): React.JSX.Element {
  const sorted = [...findings].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
  const [limit, setLimit] = useState(PAGE);
  const left = sorted.length - limit;
  return (
    <>
      <ul className="labline-Findings">
        {sorted.slice(0, limit).map((finding, index) => (
          <FindingItem key={index} finding={finding} onJump={onJump} onFix={onFix} />
        ))}
      </ul>
      {left > 0 && (
        <LinkButton action="more-findings" onClick={() => setLimit(limit + PAGE)}>
          {`Show ${Math.min(left, PAGE)} of ${left} more`}
        </LinkButton>
      )}
    </>
  );
}

function FindingItem({
  finding,
  onJump,
  onFix
}: Pick<FindingsProps, 'onJump' | 'onFix'> & { finding: Finding }): React.JSX.Element {
  const { code, severity, message, cell_id, fix, edit } = finding;
  return (
    <li className="labline-Finding" data-labline-finding={code} data-labline-severity={severity}>
      <svg viewBox="0 0 16 16" role="img" aria-label={SEVERITY_WORDS[severity]} fillRule="evenodd">
        {SHAPES[severity]}
      </svg>
      <div>
        <p className="labline-Finding-message">
          <WithCode text={message} />
        </p>
        {fix && (
          <p className="labline-Finding-fix">
            <WithCode text={fix} />
          </p>
        )}
        <p className="labline-Finding-place">
          <code>{code}</code>
          {cell_id && onJump ? (
            <LinkButton action="jump" onClick={() => onJump(finding)}>
              {place(finding)}
            </LinkButton>
          ) : (
            <span>{place(finding)}</span>
          )}
        </p>
        {edit && onFix && (
          <ActionButton
            action="fix"
            onClick={() => onFix(edit)}
            title="Change the notebook so that this is gone"
          >
            {edit.title}
          </ActionButton>
        )}
      </div>
    </li>
  );
}

function place({ cell_index, line, step }: Finding): string {
  const cell = cell_index === null ? null : `cell ${cell_index + 1}`;
  const parts = [step && `step ${step}`, cell, line !== null && `line ${line}`];
  const text = parts.filter(Boolean).join(', ');
  return text === '' ? '' : text[0].toUpperCase() + text.slice(1);
}
