import { Dialog, showDialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import { PromiseDelegate } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import React, { useEffect, useRef, useState } from 'react';

import { ApiError } from '../api/client';
import { Notice } from './parts';

/** What every form of a dialog is given. */
export interface FormProps<T> {
  initial: T;
  /** Whether it was tried to go on with it: what is still empty may be wrong only then. */
  tried: boolean;
  onChange: (value: T) => void;
}

export interface Question<T, P extends object> {
  title: string;
  /** What the button says that goes on. */
  button: string;
  /** What the fields are in, and what it is given besides. */
  Form: (props: FormProps<T> & P) => React.JSX.Element;
  props: P;
  first: T;
  /** What is wrong with what was typed, by field. */
  faults?: (value: T) => object;
  /** What has the focus at first, as a selector. */
  focus?: string;
  /** What the form holds after `send` has said no, and the focus then; by default the same as before. */
  again?: { value: (value: T) => T; focus: string };
}

/**
 * Show a form in a dialog until what it holds is not wrong and `send` takes it, whatever that says no to being told
 * above the form. Gives what `send` gave; `undefined` where the user gave up.
 */
export async function ask<T, P extends object, R>(
  { title, button, Form, props, first, faults, focus = 'input', again }: Question<T, P>,
  send: (value: T) => R | Promise<R>
): Promise<R | undefined> {
  let value = first;
  let problem: string | null = null;
  for (let tried = false; ; tried = true) {
    const isTried = tried && problem === null;
    const isFaulty = isTried && Object.keys(faults?.(value) ?? {}).length > 0;
    const body = new FormBody<T>(value, problem, (initial, onChange) => (
      <Form {...props} initial={initial} tried={isTried} onChange={onChange} />
    ));
    const answer = await showDialog({
      title,
      body,
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: button })],
      focusNodeSelector: isFaulty ? '[aria-invalid=true]' : problem !== null && again ? again.focus : focus
    });
    if (!answer.button.accept || answer.value === null) {
      return undefined;
    }
    value = answer.value;
    problem = null;
    if (Object.keys(faults?.(value) ?? {}).length > 0) {
      continue;
    }
    try {
      return await send(value);
    } catch (error) {
      problem = error instanceof ApiError ? error.advice : (error as Error).message;
      value = again?.value(value) ?? value;
    }
  }
}

/** What a form holds, and how to change a part of it. */
export function useFields<T extends object>({
  initial,
  onChange
}: FormProps<T>): [T, (change: Partial<T>) => void] {
  const [fields, setFields] = useState(initial);
  const held = useRef(initial); // what comes late changes what is there by then
  return [
    fields,
    change => {
      held.current = { ...held.current, ...change };
      setFields(held.current);
      onChange(held.current);
    }
  ];
}

/** The body of the dialog: its value is what the form holds. */
class FormBody<T> extends ReactWidget {
  constructor(
    private value: T,
    private readonly problem: string | null,
    private readonly form: (initial: T, onChange: (value: T) => void) => React.JSX.Element
  ) {
    super();
    this.addClass('labline-Form');
  }

  getValue(): T {
    return this.value;
  }

  /** The dialog gives a field the focus when this is kept: by default it is before the fields are sure to be there. */
  protected override onUpdateRequest(msg: Message): void {
    super.onUpdateRequest(msg);
    this.renderPromise = this.drawn.promise;
  }

  protected override render(): React.JSX.Element {
    return (
      <>
        {this.problem && <Notice kind="error">{this.problem}</Notice>}
        {this.form(this.value, value => {
          this.value = value;
        })}
        <Drawn tell={() => this.drawn.resolve()} />
      </>
    );
  }

  private readonly drawn = new PromiseDelegate<void>();
}

/** Says that what stands beside it is drawn. */
function Drawn({ tell }: { tell: () => void }): null {
  useEffect(tell, [tell]);
  return null;
}
