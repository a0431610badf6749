import { CodeCell } from '@jupyterlab/cells';
import React, { useEffect, useId, useState } from 'react';

import { cellTags, setCellTags } from '../model/notebook';
import { formatEntry, parseEntry, readTags, SPECIAL_ROLES, writeTags } from '../model/tags';
import type { ILablineNotebooks } from '../tokens';
import { useSignals } from '../ui/hooks';
import { LinkButton } from '../ui/parts';

export interface StepFieldProps {
  notebooks: ILablineNotebooks;
  /** Edit the options of the active cell's step. */
  editOptions: () => void;
}

/** The step of the active cell, as a field of the Property Inspector. */
export function StepField({ notebooks, editOptions }: StepFieldProps): React.JSX.Element | null {
  const { current } = notebooks;
  const notebook = current?.notebook.panel.content ?? null;
  useSignals(
    notebooks.currentChanged,
    notebook?.activeCellChanged ?? null,
    current?.pipeline.changed ?? null
  );
  const cell = notebook?.activeCell;
  if (!current || !(cell instanceof CodeCell)) {
    return null;
  }
  const tags = cellTags(cell.model);
  const commit = (text: string): string | null => {
    const entry = parseEntry(text);
    if ('fault' in entry) {
      return entry.fault;
    }
    setCellTags(cell.model, writeTags(tags, entry));
    return null;
  };
  const membership = current.pipeline.cells.find(({ id }) => id === cell.model.id);
  return (
    <>
      <Field
        key={cell.model.id}
        value={formatEntry(readTags(tags))}
        inherited={membership?.inherited ? membership.step : null}
        suggestions={[...current.pipeline.hues.keys(), ...SPECIAL_ROLES]}
        commit={commit}
      />
      {membership?.step && (
        <LinkButton action="step-options" onClick={editOptions}>
          Options of step {membership.step}…
        </LinkButton>
      )}
    </>
  );
}

interface FieldProps {
  value: string;
  inherited: string | null;
  suggestions: readonly string[];
  /** Write the text; why not, where it cannot be written. */
  commit: (text: string) => string | null;
}

function Field({ value, inherited, suggestions, commit }: FieldProps): React.JSX.Element {
  const id = useId();
  const [text, setText] = useState(value);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => setText(value), [value]);
  const write = () => {
    if (text !== value) {
      setFault(commit(text));
    }
  };
  return (
    <div className="labline-StepField">
      <label htmlFor={id}>Step or role</label>
      <input
        id={id}
        type="text"
        className="jp-mod-styled"
        list={`${id}-list`}
        value={text}
        spellCheck={false}
        autoComplete="off"
        placeholder={inherited === null ? 'none' : `${inherited}, as the cell above`}
        aria-invalid={fault !== null}
        data-labline-step-field=""
        onChange={event => setText(event.target.value)}
        onBlur={write}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            event.preventDefault();
            write();
          } else if (event.key === 'Escape') {
            setText(value);
            setFault(null);
          }
        }}
      />
      <datalist id={`${id}-list`}>
        {suggestions.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {fault && (
        <p className="labline-StepField-fault" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}
