import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';

import { type RecurringRun } from '../api/recurring';
import { LOCAL } from '../api/targets';
import { baseName } from '../model/format';
import { firstFields, otherParameters, scheduleFaults, toRequest } from '../model/schedule';
import { ScheduleForm, type ScheduleChoice } from '../panel/ScheduleForm';
import { CloneForm } from '../runs/CloneForm';
import { CommandIDs, ILablineNotebooks, ILablineServer, type IPipelineNotebook } from '../tokens';
import { ask } from '../ui/ask';

export const recurringPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:recurring',
  description: 'Has notebooks run again and again, and past runs once more.',
  autoStart: true,
  requires: [ILablineServer, ILablineNotebooks],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    { client, runs }: ILablineServer,
    notebooks: ILablineNotebooks,
    palette: ICommandPalette | null
  ) => {
    const { commands } = app;

    commands.addCommand(CommandIDs.runOnSchedule, {
      label: args => (args.isContext === true ? 'Run on a Schedule…' : 'Run Pipeline on a Schedule…'),
      caption: 'Have the notebook, as it stands, run again and again',
      isEnabled: () => notebooks.current !== null,
      execute: async () => {
        const { current } = notebooks;
        if (current === null) {
          return;
        }
        const { pipeline, notebook } = current;
        const here = { name: LOCAL, kind: 'local' as const, host: null, namespace: null, settings: null };
        const targets = await client.listTargets().catch(() => [here]);
        const target = targets.some(({ name }) => name === pipeline.target) ? pipeline.target : LOCAL;
        const options = {
          client,
          targets,
          pipeline: pipeline.graph?.name ?? baseName(notebook.path).replace(/\.ipynb$/, ''),
          parameters: pipeline.graph?.parameters ?? []
        };
        const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
        return ask(
          {
            title: 'Run on a Schedule',
            button: 'Schedule',
            Form: ScheduleForm,
            props: options,
            first: { fields: firstFields(target, timeZone), overrides: new Map(pipeline.overrides) },
            faults: ({ fields }) => scheduleFaults(fields),
            focus: 'select'
          },
          async choice => {
            const made = await make(current, choice);
            told(made);
            return made.id;
          }
        );
      }
    });

    const make = ({ notebook }: IPipelineNotebook, { fields, overrides }: ScheduleChoice) =>
      client.createRecurringRun(fields.target, {
        path: notebook.path,
        content: notebook.content(),
        parameters: Object.fromEntries(overrides),
        ...toRequest(fields)
      });

    const told = (made: RecurringRun) => {
      const where = made.target === LOCAL ? '' : ` on ${made.target}`;
      Notification.success(`${made.name} is scheduled${where}: ${made.reading}.`, {
        autoClose: 8000,
        actions: [
          { label: 'Show', callback: () => void commands.execute(CommandIDs.openRuns, { recurring: true }) }
        ]
      });
    };

    commands.addCommand(CommandIDs.runAgain, {
      label: 'Run Again with Other Parameters…',
      caption: 'Run the notebook as it was then once more',
      execute: async args => {
        const run =
          typeof args.run === 'string' ? await runs.loadDetail(args.run) : notebooks.current?.pipeline.run;
        if (!run) {
          return;
        }
        const defaults = run.graph.parameters;
        const targets = await client.listTargets().catch(() => []);
        const changed = defaults.filter(({ name, default: initial }) => run.parameters[name] !== initial);
        return ask(
          {
            title: 'Run Again with Other Parameters',
            button: 'Run',
            Form: CloneForm,
            props: { run, targets },
            first: {
              target: run.target,
              overrides: new Map(changed.map(({ name }) => [name, run.parameters[name]]))
            },
            focus: 'input, select'
          },
          async ({ target, overrides }) => {
            const parameters = otherParameters(run.parameters, defaults, overrides);
            const started = await client.cloneRun(run.id, parameters, target);
            runs.addDetail(started);
            await commands.execute(CommandIDs.openRuns, { run: started.id });
            return started.id;
          }
        );
      }
    });

    palette?.addItem({ command: CommandIDs.runOnSchedule, category: 'Labline' });
    palette?.addItem({ command: CommandIDs.runAgain, category: 'Labline' });
  }
};
