import React, { useCallback, useEffect, useState } from 'react';

import type { LablineClient } from '../api/client';
import { LOCAL, type Target } from '../api/targets';
import type { NotebookPipeline } from '../model/pipeline';

export interface TargetChoiceProps {
  pipeline: NotebookPipeline;
  client: LablineClient;
  disabled: boolean;
}

/** Where the next run goes; nothing to see while there is only this machine. */
export function TargetChoice({ pipeline, client, disabled }: TargetChoiceProps): React.JSX.Element | null {
  const [targets, setTargets] = useState<Target[]>([]);
  const [chosen, setChosen] = useState(pipeline.target);
  const load = useCallback(() => {
    client.listTargets().then(setTargets, () => undefined); // the panel says elsewhere that the server is away
  }, [client]);
  useEffect(load, [load]);
  const choose = (name: string) => {
    pipeline.target = name;
    setChosen(name);
  };
  if (targets.length < 2 && chosen === LOCAL) {
    return null;
  }
  const known = targets.some(({ name }) => name === chosen);
  return (
    <label className="labline-TargetChoice" title="Where the pipeline runs">
      on
      <select
        data-labline-action="target"
        aria-label="Target"
        value={chosen}
        disabled={disabled}
        onFocus={load}
        onChange={event => choose(event.target.value)}
      >
        {targets.map(({ name, host }) => (
          <option key={name} value={name} title={host ?? undefined}>
            {name === LOCAL ? 'this machine' : name}
          </option>
        ))}
        {!known && <option value={chosen}>{chosen}</option>}
      </select>
    </label>
  );
}
