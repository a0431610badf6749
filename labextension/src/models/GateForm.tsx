import React, { useId, useState } from 'react';

import type { LablineClient } from '../api/client';
import type { Model } from '../api/models';
import { ActionButton, Notice } from '../ui/parts';
import type { Reading } from './reading';

export interface GateFormProps {
  model: Model;
  client: LablineClient;
  change: Reading<Model>['change'];
}

/** What a version must fulfil to be promoted, one condition a line. */
export function GateForm({ model, client, change }: GateFormProps): React.JSX.Element {
  const kept = model.gate.join('\n');
  const [text, setText] = useState(kept);
  const [fault, setFault] = useState<string | null>(null);
  const id = useId();
  const conditions = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
  const save = async () => setFault(await change(() => client.setGate(model.name, conditions)));
  return (
    <form
      className="labline-Models-form"
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
    >
      <label htmlFor={id}>What a version must fulfil to be promoted, one condition a line</label>
      <textarea
        id={id}
        rows={Math.max(3, text.split('\n').length + 1)}
        spellCheck={false}
        data-lm-suppress-shortcuts="true"
        data-labline-gate=""
        placeholder={'auc >= champion\nauc/* >= champion - 0.01\napprovals >= 1\nverified'}
        value={text}
        aria-invalid={fault !== null}
        aria-describedby={fault === null ? undefined : `${id}-fault`}
        onChange={event => setText(event.target.value)}
      />
      {fault && (
        <Notice kind="error" id={`${id}-fault`}>
          {fault}
        </Notice>
      )}
      <ActionButton action="save-gate" onClick={() => void save()} disabled={conditions.join('\n') === kept}>
        Save the gate
      </ActionButton>
    </form>
  );
}
