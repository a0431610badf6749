import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Message } from '@lumino/messaging';
import React from 'react';

import type { NotebookContent } from '../api/types';
import type { ILablineServer } from '../tokens';
import { keepFocus } from '../ui/focus';
import { runsIcon } from '../ui/icons';
import type { Rendering } from './cells';
import { CompareView } from './CompareView';
import { RecurringList } from './RecurringList';
import { RunList } from './RunList';
import { RunView } from './RunView';

export interface RunsWidgetOptions {
  server: ILablineServer;
  rendering: Rendering;
  openNotebook: (path: string) => void;
  openAtFailure: (run: string, step: string) => void;
  /** Ask for other parameters, and run once more what a run was made of. */
  runAgain: (run: string) => void;
  /** A notebook as it stands in an open editor. */
  contentOf: (path: string) => NotebookContent | undefined;
}

/** The Runs view: the list of all runs, or one of them. */
export class RunsWidget extends ReactWidget {
  constructor(private readonly options: RunsWidgetOptions) {
    super();
    this.id = 'labline-runs';
    this.addClass('labline-Runs');
    this.title.label = 'Runs';
    this.title.icon = runsIcon;
    this.title.closable = true;
    this.node.tabIndex = -1;
    keepFocus(this.node);
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Escape' && !event.defaultPrevented && !this.isList) {
        event.preventDefault();
        this.navigate(null);
      }
    });
  }

  /** The run looked at; `null`: the list. */
  get run(): string | null {
    return this._run;
  }

  get runChanged(): ISignal<this, void> {
    return this._runChanged;
  }

  /** Look at a run, or at the list. */
  navigate(run: string | null): void {
    if (run !== this._run || (run === null && !this.isList)) {
      this._run = run;
      this.compared = null;
      this.recurring = false;
      this.title.caption = run === null ? 'Runs' : `Run ${run}`;
      this.node.scrollTop = 0;
      this.update();
      this._runChanged.emit();
    }
  }

  /** Look at the recurring runs. */
  showRecurring(): void {
    this._run = null;
    this.compared = null;
    this.recurring = true;
    this.title.caption = 'Recurring runs';
    this.node.scrollTop = 0;
    this.update();
    this._runChanged.emit();
  }

  /** Look at some runs side by side. */
  compare(runs: readonly string[]): void {
    this._run = null;
    this.recurring = false;
    this.compared = runs;
    this.title.caption = `${runs.length} runs compared`;
    this.node.scrollTop = 0;
    this.update();
  }

  protected override render(): React.JSX.Element {
    const { server, rendering, openNotebook, openAtFailure, runAgain, contentOf } = this.options;
    this.wasSeen ||= this.isVisible;
    if (!this.wasSeen) {
      return <></>;
    }
    const navigate = (run: string | null) => this.navigate(run);
    if (this.compared !== null) {
      return (
        <CompareView ids={this.compared} server={server} back={() => navigate(null)} openRun={navigate} />
      );
    }
    if (this.recurring) {
      return <RecurringList server={server} back={() => navigate(null)} open={navigate} />;
    }
    return this._run === null ? (
      <RunList
        server={server}
        open={navigate}
        compare={runs => this.compare(runs)}
        showRecurring={() => this.showRecurring()}
        openAtFailure={openAtFailure}
      />
    ) : (
      <RunView
        key={this._run}
        id={this._run}
        server={server}
        rendering={rendering}
        back={() => navigate(null)}
        openRun={navigate}
        openNotebook={openNotebook}
        openAtFailure={openAtFailure}
        runAgain={() => runAgain(this._run!)}
        contentOf={contentOf}
      />
    );
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.focus();
  }

  /** Whether the list of all runs is looked at. */
  private get isList(): boolean {
    return this._run === null && this.compared === null && !this.recurring;
  }

  /** Nothing is asked of the server before; from then on what was chosen and typed stays, also while it is hidden. */
  private wasSeen = false;
  private _run: string | null = null;
  private recurring = false;
  private compared: readonly string[] | null = null;
  private readonly _runChanged = new Signal<this, void>(this);
}
