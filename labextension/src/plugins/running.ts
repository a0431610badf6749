import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { isBusy, type Selection } from '../api/types';
import { stepNames } from '../model/cells';
import { optionFaults, toOptions, type OptionFields } from '../model/options';
import { RunOptionsForm } from '../panel/RunOptionsForm';
import { CommandIDs, ILablineNotebooks, type IPipelineNotebook } from '../tokens';
import { ask } from '../ui/ask';
import { pipelineIcon, sealIcon } from '../ui/icons';
import { stepAskedFor, type Args } from './asked';

interface PartCommand {
  command: string;
  part: keyof Selection;
  /** How it reads where it is about a step at hand, a named one, and the active cell's. */
  here: string;
  named: (step: string) => string;
  cell: string;
  caption: string;
}

const PARTS: readonly PartCommand[] = [
  {
    command: CommandIDs.runToStep,
    part: 'to',
    here: 'Run to Here',
    named: step => `Run to ${step}`,
    cell: 'Run Pipeline to the Step of This Cell',
    caption: 'Run the step and all that it needs'
  },
  {
    command: CommandIDs.runFromStep,
    part: 'from',
    here: 'Run from Here',
    named: step => `Run from ${step}`,
    cell: 'Run Pipeline from the Step of This Cell',
    caption: 'Run the step and all that needs it, on what the newest run left that has it'
  },
  {
    command: CommandIDs.runOnlyStep,
    part: 'only',
    here: 'Run Only This Step',
    named: step => `Run Only ${step}`,
    cell: 'Run Only the Step of This Cell',
    caption: 'Run the step on what the newest run left that has it'
  }
];

export const runningPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:running',
  description: 'Commands that run the current notebook as a pipeline, all of it or a part, or verify it.',
  autoStart: true,
  requires: [ILablineNotebooks],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, notebooks: ILablineNotebooks, palette: ICommandPalette | null) => {
    const { commands } = app;
    const chosen = new WeakMap<IPipelineNotebook, OptionFields>();

    /** The current notebook where a run of it can be asked for. */
    const ready = (): IPipelineNotebook | null => {
      const { current } = notebooks;
      const run = current?.pipeline.run;
      return current && !(run && isBusy(run)) ? current : null;
    };
    const stepOf = (args: Args) => stepAskedFor(app, notebooks, args);

    commands.addCommand(CommandIDs.runPipeline, {
      label: 'Run as Pipeline',
      caption: 'Run the notebook as it stands, saved or not, as a pipeline',
      icon: pipelineIcon,
      isEnabled: () => notebooks.current !== null,
      execute: async () => {
        await commands.execute(CommandIDs.showPanel);
        return (await notebooks.current?.pipeline.start())?.id;
      }
    });

    for (const { command, part, here, named, cell, caption } of PARTS) {
      commands.addCommand(command, {
        label: args =>
          args.isContext === true ? here : typeof args.step === 'string' ? named(args.step) : cell,
        caption,
        isEnabled: args => ready() !== null && stepOf(args) !== null,
        execute: async args => {
          const step = stepOf(args);
          if (step !== null) {
            await commands.execute(CommandIDs.showPanel);
            return (await ready()?.pipeline.start({ [part]: step }))?.id;
          }
        }
      });
    }

    commands.addCommand(CommandIDs.runWithoutCache, {
      label: args => (args.isContext === true ? 'Run without the Cache' : 'Run Pipeline without the Cache'),
      caption: 'Run every step, also those whose result is known',
      isEnabled: () => ready() !== null,
      execute: async () => {
        await commands.execute(CommandIDs.showPanel);
        return (await ready()?.pipeline.start({ cache: false }))?.id;
      }
    });

    commands.addCommand(CommandIDs.runWithOptions, {
      label: args => (args.isContext === true ? 'Run with Options…' : 'Run Pipeline with Options…'),
      caption: 'Choose the steps to run, a time limit and a priority',
      isEnabled: () => ready() !== null,
      execute: async args => {
        const entry = ready();
        if (entry === null) {
          return;
        }
        await commands.execute(CommandIDs.showPanel);
        const steps = entry.pipeline.graph?.steps.map(({ name }) => name) ?? stepNames(entry.pipeline.cells);
        const before = chosen.get(entry) ?? { timeout: '', priority: '0', postMortem: false };
        const to = typeof args.step === 'string' ? args.step : '';
        const first: OptionFields = { ...before, from: '', to, cache: entry.pipeline.useCache };
        return ask(
          {
            title: 'Run with Options',
            button: 'Run',
            Form: RunOptionsForm,
            props: { pipeline: entry.pipeline, steps },
            first,
            faults: optionFaults,
            focus: 'select'
          },
          async fields => {
            chosen.set(entry, fields);
            return (await entry.pipeline.start(toOptions(fields)))?.id;
          }
        );
      }
    });

    commands.addCommand(CommandIDs.verifyPipeline, {
      label: 'Verify Pipeline',
      caption: 'See whether the pipeline computes what the notebook computes, value by value',
      icon: sealIcon,
      isEnabled: () => notebooks.current !== null,
      execute: async () => {
        await commands.execute(CommandIDs.showPanel);
        return (await notebooks.current?.pipeline.verify())?.id;
      }
    });

    for (const command of [
      CommandIDs.runPipeline,
      ...PARTS.map(part => part.command),
      CommandIDs.runWithoutCache,
      CommandIDs.runWithOptions,
      CommandIDs.verifyPipeline
    ]) {
      palette?.addItem({ command, category: 'Labline' });
    }
  }
};
