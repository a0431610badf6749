import React, { useId } from 'react';

export interface FieldProps {
  /** What tests and styles call it. */
  name: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
}

export interface TextFieldProps extends FieldProps {
  /** What stands beside it: a unit, or what it means. */
  unit: string;
  /** What nothing typed means. */
  hint: string;
  fault?: string;
  wide?: boolean;
  /** Whether nobody is to see what is typed, and nothing that the browser keeps for this page is to be filled in. */
  secret?: boolean;
  /** What can be chosen besides typing it. */
  proposals?: readonly string[];
}

/** A line to type in, with what is wrong with it in the place of its unit. */
export function TextField(props: TextFieldProps): React.JSX.Element {
  const { name, label, value, onChange, unit, hint, fault, wide, secret, proposals } = props;
  const id = useId();
  return (
    <div className="labline-Field">
      <label htmlFor={id}>{label}</label>
      <span>
        <input
          id={id}
          type={secret ? 'password' : 'text'}
          className={wide ? 'labline-mod-wide' : undefined}
          data-labline-option={name}
          placeholder={hint}
          autoComplete={secret ? 'new-password' : 'off'}
          spellCheck={false}
          value={value}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-unit`}
          list={proposals && `${id}-proposals`}
          onChange={event => onChange(event.target.value)}
        />
        {proposals && (
          <datalist id={`${id}-proposals`}>
            {proposals.map(proposal => (
              <option key={proposal} value={proposal} />
            ))}
          </datalist>
        )}
        <small id={`${id}-unit`} data-labline-fault={fault && name} aria-live="polite">
          {fault ?? unit}
        </small>
      </span>
    </div>
  );
}

/** A time of day. */
export function TimeField({
  name,
  label,
  value,
  onChange,
  fault
}: FieldProps & { fault?: string }): React.JSX.Element {
  const id = useId();
  return (
    <div className="labline-Field">
      <label htmlFor={id}>{label}</label>
      <span>
        <input
          id={id}
          type="time"
          data-labline-option={name}
          value={value}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-fault`}
          onChange={event => onChange(event.target.value)}
        />
        <small id={`${id}-fault`} data-labline-fault={fault && name} aria-live="polite">
          {fault}
        </small>
      </span>
    </div>
  );
}

export interface ChoiceProps extends FieldProps {
  /** Values and how they read. */
  choices: readonly (readonly [string, string])[];
}

/** One of a few. */
export function Choice({ name, label, value, onChange, choices }: ChoiceProps): React.JSX.Element {
  const id = useId();
  return (
    <div className="labline-Field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        data-labline-option={name}
        value={value}
        onChange={event => onChange(event.target.value)}
      >
        {choices.map(([choice, words]) => (
          <option key={choice} value={choice}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

export interface CheckFieldProps {
  name: string;
  checked: boolean;
  /** Why it has to be ticked. */
  fault?: string;
  onChange: (checked: boolean) => void;
  children: React.ReactNode;
}

/** Yes or no. */
export function CheckField({ name, checked, fault, onChange, children }: CheckFieldProps): React.JSX.Element {
  return (
    <label className="labline-Check">
      <input
        type="checkbox"
        data-labline-option={name}
        checked={checked}
        aria-invalid={fault !== undefined}
        onChange={event => onChange(event.target.checked)}
      />
      <span>
        {children}
        {fault && (
          <small data-labline-fault={name} aria-live="polite">
            {fault}
          </small>
        )}
      </span>
    </label>
  );
}
