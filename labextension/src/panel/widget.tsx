import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';

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
}
