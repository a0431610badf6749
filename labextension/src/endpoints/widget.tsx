import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Message } from '@lumino/messaging';
import React from 'react';

import type { ILablineServer } from '../tokens';
import { keepFocus } from '../ui/focus';
import { InSight } from '../ui/hooks';
import { endpointsIcon } from '../ui/icons';
import { EndpointList } from './EndpointList';
import { EndpointView } from './EndpointView';

export interface EndpointsWidgetOptions {
  server: ILablineServer;
  openModel: (model: string | null) => void;
}

/** The Endpoints view: the list of all endpoints, or one of them. */
export class EndpointsWidget extends ReactWidget {
  constructor(private readonly options: EndpointsWidgetOptions) {
    super();
    this.id = 'labline-endpoints';
    this.addClass('labline-Runs');
    this.title.label = 'Endpoints';
    this.title.icon = endpointsIcon;
    this.title.closable = true;
    this.node.tabIndex = -1;
    keepFocus(this.node);
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Escape' && !event.defaultPrevented && this._endpoint !== null) {
        event.preventDefault();
        this.navigate(null);
      }
    });
  }

  /** The endpoint looked at; `null`: the list. */
  get endpoint(): string | null {
    return this._endpoint;
  }

  get endpointChanged(): ISignal<this, void> {
    return this._endpointChanged;
  }

  /** Look at an endpoint, or at the list. */
  navigate(endpoint: string | null): void {
    if (endpoint !== this._endpoint) {
      this._endpoint = endpoint;
      this.title.caption = endpoint === null ? 'Endpoints' : `Endpoint ${endpoint}`;
      this.node.scrollTop = 0;
      this.update();
      this._endpointChanged.emit();
    }
  }

  protected override render(): React.JSX.Element {
    this.wasSeen ||= this.isVisible;
    if (!this.wasSeen) {
      return <></>;
    }
    return <InSight.Provider value={this.isVisible}>{this.page()}</InSight.Provider>;
  }

  private page(): React.JSX.Element {
    const { server, openModel } = this.options;
    return this._endpoint === null ? (
      <EndpointList
        client={server.client}
        open={endpoint => this.navigate(endpoint)}
        openModels={() => openModel(null)}
      />
    ) : (
      <EndpointView
        key={this._endpoint}
        name={this._endpoint}
        client={server.client}
        back={() => this.navigate(null)}
        openModel={openModel}
      />
    );
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.update(); // nobody looks: nothing is asked
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.focus();
  }

  /** From then on what was typed stays, also while it is hidden. */
  private wasSeen = false;
  private _endpoint: string | null = null;
  private readonly _endpointChanged = new Signal<this, void>(this);
}
