import type { JupyterFrontEnd } from '@jupyterlab/application';
import { caretDownIcon, MenuSvg } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import { CommandIDs } from '../tokens';

const WORDS = 'More ways to run';

export interface RunMenuButtonProps {
  commands: JupyterFrontEnd['commands'];
  /** The step that the menu is about; without one it is that of the active cell. */
  selected: string | null;
  disabled: boolean;
}

/** The other half of Run: a menu of what else can be run, and how. */
export function RunMenuButton({ commands, selected, disabled }: RunMenuButtonProps): React.JSX.Element {
  const [open, setOpen] = useState(false);
  const show = (button: HTMLButtonElement, byKeyboard: boolean) => {
    const menu = runMenu(commands, selected);
    menu.aboutToClose.connect(() => {
      setOpen(false);
      button.focus();
      // The menu's command comes after this.
      setTimeout(() => menu.dispose());
    });
    const { left, bottom } = button.parentElement!.getBoundingClientRect();
    setOpen(true);
    menu.open(left, bottom + 2);
    if (byKeyboard) {
      menu.activateNextItem();
    }
  };
  return (
    <button
      type="button"
      className="labline-Button labline-mod-primary labline-RunMenuButton"
      data-labline-action="run-menu"
      aria-label={WORDS}
      aria-haspopup="menu"
      aria-expanded={open}
      title={WORDS}
      disabled={disabled}
      onClick={event => show(event.currentTarget, event.detail === 0)}
      onKeyDown={event => {
        if (event.key === 'ArrowDown') {
          event.preventDefault();
          show(event.currentTarget, true);
        }
      }}
    >
      <caretDownIcon.react tag={null} />
    </button>
  );
}

function runMenu(commands: JupyterFrontEnd['commands'], step: string | null): MenuSvg {
  const menu = new MenuSvg({ commands });
  menu.addClass('labline-RunMenu');
  menu.contentNode.setAttribute('aria-label', WORDS);
  const args: Record<string, string> = step === null ? {} : { step };
  for (const command of [CommandIDs.runToStep, CommandIDs.runFromStep, CommandIDs.runOnlyStep]) {
    menu.addItem({ command, args });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.runWithoutCache, args: { isContext: true } });
  menu.addItem({ command: CommandIDs.runWithOptions, args: { ...args, isContext: true } });
  menu.addItem({ command: CommandIDs.runOnSchedule, args: { isContext: true } });
  menu.node.addEventListener('keydown', event => {
    if (event.key === 'Tab') {
      event.preventDefault();
      menu.close();
    }
  });
  return menu;
}
