import React, { useId, useState } from 'react';

import type { LablineClient } from '../api/client';
import type { Model } from '../api/models';
import { ActionButton } from '../ui/parts';
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
  const id = useId();
  const conditions = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
  return (
    <form
      className="labline-Models-form"
      onSubmit={event => {
        event.preventDefault();
        void change(() => client.setGate(model.name, conditions));
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
        onChange={event => setText(event.target.value)}
      />
      <ActionButton
        action="save-gate"
        onClick={() => void change(() => client.setGate(model.name, conditions))}
        disabled={conditions.join('\n') === kept}
      >
        Save the gate
      </ActionButton>
    </form>
  );
}
