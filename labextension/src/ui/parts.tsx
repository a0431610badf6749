import React, { useEffect, useState } from 'react';

import type { RunState, StepState } from '../api/types';
import { spans, STATE_WORDS } from './words';

type State = RunState | StepState;

// Drawn in a box of 16: a shape of its own for each state, so that colour is never the only sign.
const SHAPES: Readonly<Record<State, React.JSX.Element>> = {
  succeeded: <path d="M3.5 8.5l3 3 6-7" />,
  cached: (
    <>
      <path d="M2 8.5l3 3 4-5" />
      <path d="M7.5 10.5l1.5 1 5-7" />
    </>
  ),
  failed: <path d="M4 4l8 8M12 4l-8 8" />,
  cancelled: <path d="M3.5 8h9" />,
  interrupted: <path d="M8 3v6M8 12.4v.2" />,
  skipped: <path d="M4 4l4 4-4 4M9 4l4 4-4 4" />,
  running: <path d="M8 2a6 6 0 1 1-6 6" />,
  queued: <circle cx="8" cy="8" r="4.5" />,
  pending: <circle cx="8" cy="8" r="4.5" strokeDasharray="2 2.4" />
};

export function StateIcon({ state }: { state: State }): React.JSX.Element {
  return (
    <svg
      className="labline-StateIcon"
      data-labline-state={state}
      viewBox="0 0 16 16"
      role="img"
      aria-label={STATE_WORDS[state]}
    >
      <title>{STATE_WORDS[state]}</title>
      {SHAPES[state]}
    </svg>
  );
}

export function StateBadge({ state }: { state: State }): React.JSX.Element {
  return (
    <span className="labline-StateBadge" data-labline-state={state}>
      <StateIcon state={state} />
      {STATE_WORDS[state]}
    </span>
  );
}

export interface ActionProps {
  action: string;
  onClick: () => void;
  children: React.ReactNode;
  kind?: 'primary' | 'danger' | 'plain';
  disabled?: boolean;
  /** Of a button that is one of a few ways to choose from: whether it is the one. */
  pressed?: boolean;
  title?: string;
  label?: string;
}

export function ActionButton(props: ActionProps): React.JSX.Element {
  const { action, kind = 'plain', label, pressed, ...rest } = props;
  return (
    <button
      {...rest}
      type="button"
      className={`labline-Button labline-mod-${kind}`}
      data-labline-action={action}
      aria-label={label}
      aria-pressed={pressed}
    />
  );
}

export function LinkButton(props: Omit<ActionProps, 'kind' | 'pressed'>): React.JSX.Element {
  const { action, label, ...rest } = props;
  return (
    <button
      {...rest}
      type="button"
      className="labline-Link"
      data-labline-action={action}
      aria-label={label}
    />
  );
}

export interface PageLinkProps {
  href: string;
  action?: string;
  children: React.ReactNode;
}

export function PageLink({ href, action = 'mlflow', children }: PageLinkProps): React.JSX.Element {
  return (
    <a
      className="labline-Link"
      href={href}
      target="_blank"
      rel="noopener noreferrer"
      data-labline-action={action}
    >
      {children}
    </a>
  );
}

/** The way on from a run that a guard stopped. */
export function RunAgain({
  onClick,
  disabled
}: Pick<ActionProps, 'onClick' | 'disabled'>): React.JSX.Element {
  return (
    <ActionButton
      action="run-again"
      onClick={onClick}
      disabled={disabled}
      title="The next run reckons with what this one saw: it hands the change on, or puts the steps in order"
    >
      Run again with what was seen
    </ActionButton>
  );
}

/** The way into a failure. */
export function OpenAtFailure({ onClick }: Pick<ActionProps, 'onClick'>): React.JSX.Element {
  return (
    <ActionButton
      action="open-at-failure"
      onClick={onClick}
      title="The notebook in a kernel that has the step's variables and has come to the failing line"
    >
      Open at the failure
    </ActionButton>
  );
}

/** A sentence in which backticks set off what is code. */
export function WithCode({ text }: { text: string }): React.JSX.Element {
  return (
    <>{spans(text).map(({ code, text: span }, index) => (code ? <code key={index}>{span}</code> : span))}</>
  );
}

/** A sentence with nothing else to see. */
export function Empty({ title, children }: { title: string; children?: React.ReactNode }): React.JSX.Element {
  return (
    <div className="labline-Empty" role="status">
      <p className="labline-Empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

/** A sentence that stands out. */
export function Notice({
  kind,
  id,
  children
}: {
  kind: 'error' | 'warning' | 'info';
  id?: string;
  children: React.ReactNode;
}): React.JSX.Element {
  return (
    <p
      id={id}
      className="labline-Notice"
      data-labline-notice={kind}
      role={kind === 'error' ? 'alert' : 'status'}
    >
      {children}
    </p>
  );
}

export interface TickProps extends Pick<ActionProps, 'action' | 'title' | 'disabled' | 'children'> {
  checked: boolean;
  onChange: (checked: boolean) => void;
}

/** A box to tick. It shows at once what was chosen, though what it stands for is known a moment later. */
export function Tick({ action, title, checked, onChange, children, disabled }: TickProps): React.JSX.Element {
  const [shown, show] = useState(checked);
  useEffect(() => show(checked), [checked]);
  return (
    <label className="labline-Check" title={title}>
      <input
        type="checkbox"
        data-labline-action={action}
        checked={shown}
        disabled={disabled}
        onChange={event => {
          show(event.target.checked);
          onChange(event.target.checked);
        }}
      />
      {children}
    </label>
  );
}

export interface SectionProps {
  name: string;
  title: string;
  count?: number;
  /** Closed until somebody opens it. */
  folded?: boolean;
  children: React.ReactNode;
}

export function Section({ name, title, count, folded = false, children }: SectionProps): React.JSX.Element {
  const [isOpen, setOpen] = useState(!folded);
  return (
    <details
      className="labline-Section"
      data-labline-section={name}
      open={isOpen}
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>
        {title}
        {count !== undefined && count > 0 && <span className="labline-Count">{count}</span>}
      </summary>
      <div className="labline-Section-body">{children}</div>
    </details>
  );
}
