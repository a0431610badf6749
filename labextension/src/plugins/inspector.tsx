import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IFormRendererRegistry } from '@jupyterlab/ui-components';
import React from 'react';

import { StepField } from '../chips/StepField';
import { CommandIDs, ILablineNotebooks } from '../tokens';

export const inspectorPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:inspector',
  description: 'Shows the step of the active cell in the Property Inspector.',
  autoStart: true,
  requires: [ILablineNotebooks, IFormRendererRegistry],
  activate: (app: JupyterFrontEnd, notebooks: ILablineNotebooks, registry: IFormRendererRegistry) => {
    // The schema names this renderer. It writes the cell's tags itself; the form's own value stays unused.
    registry.addRenderer('@labline/labextension:plugin.step', {
      fieldRenderer: () => (
        <StepField
          notebooks={notebooks}
          editOptions={() => void app.commands.execute(CommandIDs.stepOptions)}
        />
      )
    });
  }
};
