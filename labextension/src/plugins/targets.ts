import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';

import { LOCAL, type Target } from '../api/targets';
import { targetFaults, targetFields, toTarget } from '../model/target';
import { TargetForm } from '../panel/TargetForm';
import { CommandIDs, ILablineServer } from '../tokens';
import { ask } from '../ui/ask';

export const targetsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:targets',
  description: 'Adds, changes and forgets the clusters that pipelines run on.',
  autoStart: true,
  requires: [ILablineServer],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, { client }: ILablineServer, palette: ICommandPalette | null) => {
    const { commands } = app;

    /** Ask for the fields until the server takes them; the name of what was kept. */
    const edit = (target: Target | null): Promise<string | undefined> =>
      ask(
        {
          title: target === null ? 'Add a Target' : `Target ${target.name}`,
          button: 'Save and Try Out',
          Form: TargetForm,
          props: { isKnown: target !== null },
          first: targetFields(target),
          faults: targetFaults
        },
        async fields => {
          const { name } = await client.putTarget(fields.name.trim(), toTarget(fields));
          void tryOut(name);
          return name;
        }
      );

    /** Tell whether runs can be submitted to a target. */
    const tryOut = async (name: string) => {
      try {
        const { release, findings } = await client.checkTarget(name);
        const told = findings.find(({ severity }) => severity === 'error') ?? findings[0];
        if (told === undefined) {
          const what = release === null ? 'Kubeflow Pipelines' : `Kubeflow Pipelines ${release}`;
          Notification.success(`${name} is ready: ${what} answers.`, { autoClose: 8000 });
        } else {
          const kind = told.severity === 'error' ? 'error' : 'warning';
          Notification.emit([told.message, told.fix].filter(Boolean).join(' '), kind, { autoClose: false });
        }
      } catch (error) {
        Notification.error(`${name} cannot be tried out: ${(error as Error).message}`, { autoClose: false });
      }
    };

    /** The cluster that is named, or else chosen; `null` for none. */
    const chosen = async (named: unknown, title: string, label: string): Promise<Target | null> => {
      const targets = (await client.listTargets()).filter(({ name }) => name !== LOCAL);
      if (targets.length === 0) {
        Notification.info('There is no target besides this machine.');
        return null;
      }
      const picked =
        typeof named === 'string'
          ? named
          : (await InputDialog.getItem({ title, items: targets.map(({ name }) => name), okLabel: label }))
              .value;
      return targets.find(({ name }) => name === picked) ?? null;
    };

    commands.addCommand(CommandIDs.addTarget, {
      label: 'Add a Target…',
      caption: 'Name a Kubeflow Pipelines that pipelines can run on',
      execute: () => edit(null)
    });

    commands.addCommand(CommandIDs.editTarget, {
      label: 'Change a Target…',
      caption: 'Change where a cluster is, and how it is used',
      execute: async args => {
        const target = await chosen(args.target, 'Change a Target', 'Change');
        return target === null ? undefined : edit(target);
      }
    });

    commands.addCommand(CommandIDs.removeTarget, {
      label: 'Remove a Target…',
      caption: 'Forget a cluster; its runs stay, and go on there',
      execute: async args => {
        const target = await chosen(args.target, 'Remove a Target', 'Remove');
        if (target !== null) {
          await client.removeTarget(target.name);
        }
      }
    });

    for (const command of [CommandIDs.addTarget, CommandIDs.editTarget, CommandIDs.removeTarget]) {
      palette?.addItem({ command, category: 'Labline' });
    }
  }
};
