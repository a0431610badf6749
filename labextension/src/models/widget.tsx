import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Message } from '@lumino/messaging';
import React from 'react';

import type { ILablineServer } from '../tokens';
import { keepFocus } from '../ui/focus';
import { modelsIcon } from '../ui/icons';
import { ModelList } from './ModelList';
import { ModelView } from './ModelView';

export interface ModelsWidgetOptions {
  server: ILablineServer;
  openRun: (run: string) => void;
  openEndpoint: (endpoint: string) => void;
}

/** The Models view: the list of all registered models, or one of them. */
export class ModelsWidget extends ReactWidget {
  constructor(private readonly options: ModelsWidgetOptions) {
    super();
    this.id = 'labline-models';
    this.addClass('labline-Runs');
    this.title.label = 'Models';
    this.title.icon = modelsIcon;
    this.title.closable = true;
    this.node.tabIndex = -1;
    keepFocus(this.node);
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Escape' && !event.defaultPrevented && this._model !== null) {
        event.preventDefault();
        this.navigate(null);
      }
    });
  }

  /** The model looked at; `null`: the list. */
  get model(): string | null {
    return this._model;
  }

  get modelChanged(): ISignal<this, void> {
    return this._modelChanged;
  }

  /** Look at a model, or at the list. */
  navigate(model: string | null): void {
    if (model !== this._model) {
      this._model = model;
      this.title.caption = model === null ? 'Models' : `Model ${model}`;
      this.node.scrollTop = 0;
      this.update();
      this._modelChanged.emit();
    }
  }

  protected override render(): React.JSX.Element {
    const { server, openRun, openEndpoint } = this.options;
    this.wasSeen ||= this.isVisible;
    if (!this.wasSeen) {
      return <></>;
    }
    return this._model === null ? (
      <ModelList client={server.client} open={model => this.navigate(model)} />
    ) : (
      <ModelView
        key={this._model}
        name={this._model}
        client={server.client}
        back={() => this.navigate(null)}
        openRun={openRun}
        openEndpoint={openEndpoint}
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

  /** Nothing is asked of the server before; from then on what was chosen and typed stays, also while it is hidden. */
  private wasSeen = false;
  private _model: string | null = null;
  private readonly _modelChanged = new Signal<this, void>(this);
}
