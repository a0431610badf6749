import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Signal, type ISignal } from '@lumino/signaling';
import React from 'react';

import { keepFocus } from '../ui/focus';
import { pipelineIcon } from '../ui/icons';
import { PipelineView, type PipelineViewProps } from './PipelineView';

/** The side panel. It renders, and so compiles, only while it can be seen. */
export class PipelinePanel extends ReactWidget {
  constructor(private readonly props: PipelineViewProps) {
    super();
    this.id = 'labline-pipeline';
    this.addClass('labline-Panel');
    this.addClass('labline-mod-new');
    this.title.icon = pipelineIcon;
    this.title.caption = 'Pipeline';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Pipeline');
    this.node.tabIndex = -1;
    keepFocus(this.node);
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Escape' && !event.defaultPrevented) {
        event.preventDefault();
        this._left.emit();
      }
    });
  }

  /** Somebody wants back to the notebook. */
  get left(): ISignal<this, void> {
    return this._left;
  }

  /** Take the keyboard: Tab goes on to what is inside, Escape back to the notebook. */
  focus(): void {
    this.node.focus();
  }

  protected override render(): React.JSX.Element {
    return this.isVisible ? <PipelineView {...this.props} /> : <></>;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
    // The side bar has its width now, which is the user's to change.
    requestAnimationFrame(() => {
      this.removeClass('labline-mod-new');
      this.parent?.fit();
    });
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.update();
  }

  private readonly _left = new Signal<this, void>(this);
}
