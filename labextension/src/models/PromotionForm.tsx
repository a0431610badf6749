import React, { useCallback, useEffect, useId, useRef, useState } from 'react';

import type { LablineClient } from '../api/client';
import type { Model } from '../api/models';
import { ActionButton, Notice } from '../ui/parts';
import { CHAMPION, Judgements } from './parts';
import { useReading, type Reading } from './reading';

export interface PromotionFormProps {
  model: Model;
  version: string;
  client: LablineClient;
  change: Reading<Model>['change'];
  /** Put the form away, with what was done. */
  close: (done?: string) => void;
}

/** What the gate says of a version, and the way through it: by passing, or with a reason. */
export function PromotionForm({
  model,
  version,
  client,
  change,
  close
}: PromotionFormProps): React.JSX.Element {
  const { value: judgements, trouble } = useReading(
    useCallback(() => client.judge(model.name, version), [client, model.name, version])
  );
  const [alias, setAlias] = useState(CHAMPION);
  const [reason, setReason] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const aliasId = useId();
  const reasonId = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const passed = judgements?.every(each => each.passed) ?? false;
  const ready = judgements !== null && alias.trim() !== '' && (passed || reason.trim() !== '');
  const promote = async () => {
    const request = { version, alias: alias.trim(), reason: reason.trim(), force: !passed };
    let refused = false;
    const wrong = await change(async () => {
      refused = (await client.promote(model.name, request)).move === null;
    });
    setFault(wrong);
    if (wrong === null) {
      close(
        refused ? `The gate has refused version ${version}.` : `Version ${version} is @${alias.trim()} now.`
      );
    }
  };
  return (
    <section
      className="labline-Models-promotion"
      aria-labelledby={`${aliasId}-title`}
      data-labline-promotion={version}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.preventDefault();
          close();
        }
      }}
    >
      <h2 id={`${aliasId}-title`} ref={heading} tabIndex={-1}>
        Promote version {version}
      </h2>
      {trouble && <Notice kind="error">{trouble}</Notice>}
      {judgements === null && !trouble && <p role="status">The gate is being asked…</p>}
      {judgements?.length === 0 && <p>The gate asks for nothing.</p>}
      {judgements !== null && judgements.length > 0 && <Judgements judgements={judgements} />}
      <div className="labline-Models-fields">
        <label htmlFor={aliasId}>Alias</label>
        <input
          id={aliasId}
          type="text"
          autoComplete="off"
          spellCheck={false}
          data-labline-option="alias"
          value={alias}
          onChange={event => setAlias(event.target.value)}
        />
        <label htmlFor={reasonId}>{passed || judgements === null ? 'Why' : 'Why in spite of the gate'}</label>
        <input
          id={reasonId}
          type="text"
          autoComplete="off"
          maxLength={2000}
          data-labline-option="reason"
          value={reason}
          onChange={event => setReason(event.target.value)}
        />
      </div>
      {fault && <Notice kind="error">{fault}</Notice>}
      <div className="labline-Models-actions">
        <ActionButton
          action="confirm-promotion"
          kind={passed ? 'primary' : 'danger'}
          onClick={() => void promote()}
          disabled={!ready}
          title={
            ready ? undefined : 'The gate does not let it pass: say why it is to be promoted all the same'
          }
        >
          {passed || judgements === null ? 'Promote' : 'Promote in spite of the gate'}
        </ActionButton>
        <ActionButton action="cancel-promotion" onClick={() => close()}>
          Cancel
        </ActionButton>
      </div>
    </section>
  );
}
