import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';

import { LOCAL, maySignIn, SIGNED_OUT, type Target } from '../api/targets';
import { formatMoment } from '../model/format';
import { NOTHING, signInFaults, toSignIn, withoutPassword } from '../model/signIn';
import { targetFaults, targetFields, toTarget } from '../model/target';
import { SignInForm } from '../panel/SignInForm';
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
          const signIn = { label: 'Sign In…', callback: () => void signInAndTryOut(name) };
          Notification.emit([told.message, told.fix].filter(Boolean).join(' '), kind, {
            autoClose: false,
            actions: told.code === SIGNED_OUT ? [signIn] : []
          });
        }
      } catch (error) {
        Notification.error(`${name} cannot be tried out: ${(error as Error).message}`, { autoClose: false });
      }
    };

    const signInAndTryOut = async (name: string) => {
      if (await signIn(name)) {
        await tryOut(name);
      }
    };

    const signing = new Map<string, Promise<boolean>>();

    /** Ask for a user name and a password; whether somebody is signed in then. Once, however many need it. */
    const signIn = (name: string): Promise<boolean> => {
      const asking = signing.get(name) ?? askForSession(name).finally(() => signing.delete(name));
      signing.set(name, asking);
      return asking;
    };

    const askForSession = async (name: string): Promise<boolean> => {
      const target = (await client.listTargets()).find(each => each.name === name);
      if (target === undefined) {
        return false;
      }
      const session = await ask(
        {
          title: `Sign In to ${name}`,
          button: 'Sign In',
          Form: SignInForm,
          props: {
            keptIn: target.settings?.secret ?? '',
            look: (connector: string | null) => client.signInPage(name, connector)
          },
          first: NOTHING,
          faults: signInFaults,
          again: { value: withoutPassword, focus: '[data-labline-option=password]' }
        },
        async fields => {
          const told = Notification.emit(`Signing in to ${name}…`, 'in-progress');
          try {
            return await client.signIn(name, toSignIn(fields));
          } finally {
            Notification.dismiss(told);
          }
        }
      );
      if (session !== undefined) {
        const until = session.expires === null ? '' : `, until ${formatMoment(session.expires)}`;
        Notification.success(`Signed in to ${name}${until}.`, { autoClose: 5000 });
      }
      return session !== undefined;
    };
    client.askToSignIn = signIn;

    /** The cluster that is named, or else chosen among those that `fit`; `null` for none. */
    const chosen = async (
      named: unknown,
      title: string,
      label: string,
      fits: (target: Target) => boolean = () => true
    ): Promise<Target | null> => {
      const all = (await client.listTargets()).filter(({ name }) => name !== LOCAL);
      const targets = all.filter(fits);
      if (targets.length === 0) {
        Notification.info(
          all.length === 0
            ? 'There is no target besides this machine.'
            : 'There is no target to sign in to: those with a session cookie in a file or in the keyring are.'
        );
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

    commands.addCommand(CommandIDs.signIn, {
      label: 'Sign In to a Target…',
      caption: 'Begin a session with a cluster, by user name and password',
      execute: async args => {
        const target = await chosen(args.target, 'Sign In to a Target', 'Sign In…', maySignIn);
        return target !== null && (await signIn(target.name));
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

    for (const command of [
      CommandIDs.addTarget,
      CommandIDs.editTarget,
      CommandIDs.signIn,
      CommandIDs.removeTarget
    ]) {
      palette?.addItem({ command, category: 'Labline' });
    }
  }
};
