import React, { useId, useState } from 'react';

import type { Parameter } from '../api/types';
import { fieldKind, literalFault, toField, toLiteral } from '../model/literals';
import { LinkButton } from '../ui/parts';

export interface ParametersProps {
  parameters: readonly Parameter[];
  overrides: ReadonlyMap<string, string>;
  onChange: (name: string, literal: string | null) => void;
}

export function Parameters({ parameters, overrides, onChange }: ParametersProps): React.JSX.Element {
  return (
    <div className="labline-Parameters">
      {parameters.map(parameter => (
        <Field
          key={`${parameter.name} ${parameter.default}`}
          parameter={parameter}
          value={overrides.get(parameter.name)}
          onChange={literal => onChange(parameter.name, literal)}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  parameter: Parameter;
  value: string | undefined;
  onChange: (literal: string | null) => void;
}

function Field({ parameter, value, onChange }: FieldProps): React.JSX.Element {
  const { name, type, default: initial } = parameter;
  const id = useId();
  const kind = fieldKind(type, initial);
  const literal = value ?? initial;
  const [text, setText] = useState(toField(kind, literal));
  const changed = value !== undefined;
  const fault = literalFault(type, literal);
  const change = (field: string) => {
    setText(field);
    const next = toLiteral(kind, field);
    onChange(field === toField(kind, initial) ? null : next);
  };
  const common = { id, 'data-labline-parameter': name, 'aria-invalid': fault !== null };
  return (
    <div className="labline-Parameter" data-labline-changed={changed || undefined}>
      <label htmlFor={id} title={`${name}: ${type}`}>
        {name}
      </label>
      {kind === 'boolean' ? (
        <span className="labline-Parameter-check">
          <input
            {...common}
            type="checkbox"
            checked={literal === 'True'}
            onChange={event => change(event.target.checked ? 'True' : 'False')}
          />
          <span aria-hidden="true">{literal}</span>
        </span>
      ) : (
        <input
          {...common}
          type="text"
          inputMode={kind === 'number' ? 'decimal' : undefined}
          className={kind === 'literal' ? 'labline-mod-code' : undefined}
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={event => change(event.target.value)}
        />
      )}
      <span className="labline-Parameter-type">{type}</span>
      {changed && (
        <p className="labline-Parameter-note">
          <span>
            Default <code>{initial}</code>
          </span>
          <LinkButton
            action="reset-parameter"
            label={`Reset ${name} to its default`}
            onClick={() => {
              setText(toField(kind, initial));
              onChange(null);
            }}
          >
            Reset
          </LinkButton>
        </p>
      )}
      {fault && <p className="labline-Parameter-fault">{fault}</p>}
    </div>
  );
}
