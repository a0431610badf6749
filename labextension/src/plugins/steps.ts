import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { changedSettings, readFields, stepFaults } from '../model/stepOptions';
import { StepOptionsForm } from '../panel/StepOptionsForm';
import { CommandIDs, ILablineNotebooks } from '../tokens';
import { ask } from '../ui/ask';
import { stepAskedFor, type Args } from './asked';

export const stepsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:steps',
  description: 'Edits the options of a step: retries, limits, resources, cache, loop.',
  autoStart: true,
  requires: [ILablineNotebooks],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, notebooks: ILablineNotebooks, palette: ICommandPalette | null) => {
    app.commands.addCommand(CommandIDs.stepOptions, {
      label: args => {
        const named = typeof args.step === 'string';
        return args.isContext === true || named ? 'Step Options…' : 'Options of the Step of This Cell…';
      },
      caption: 'Retries, time limit, CPUs, memory, cache, loop',
      isEnabled: args => stepAskedFor(app, notebooks, args as Args) !== null,
      execute: async args => {
        const entry = notebooks.current;
        const step = stepAskedFor(app, notebooks, args as Args);
        if (entry === null || step === null) {
          return;
        }
        const before = readFields(entry.notebook.stepSettings(step));
        const fields = await ask(
          {
            title: `Options of step ${step}`,
            button: 'Save',
            Form: StepOptionsForm,
            props: {},
            first: before,
            faults: stepFaults
          },
          chosen => chosen
        );
        if (fields !== undefined && JSON.stringify(fields) !== JSON.stringify(before)) {
          const settings = changedSettings(entry.notebook.stepSettings(step), before, fields);
          const undo = entry.notebook.setStepSettings(step, settings);
          entry.pipeline.changedBy(`changed the options of step ${step}`, undo);
        }
      }
    });
    palette?.addItem({ command: CommandIDs.stepOptions, category: 'Labline' });
  }
};
