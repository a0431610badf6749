import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { URLExt } from '@jupyterlab/coreutils';

import { API_PATH, LablineClient } from '../api/client';
import { EventStream } from '../api/events';
import { RunStore } from '../model/runs';
import { ILablineServer } from '../tokens';

export const serverPlugin: JupyterFrontEndPlugin<ILablineServer> = {
  id: '@labline/labextension:server',
  description: 'Talks to the Labline API of the Jupyter server.',
  autoStart: true,
  provides: ILablineServer,
  activate: (app: JupyterFrontEnd): ILablineServer => {
    const settings = app.serviceManager.serverSettings;
    const client = new LablineClient(settings);
    const events = new EventStream(async start => {
      const { latest_event } = await client.status();
      // A number ahead of the server's own belongs to another data folder: start anew.
      const from = start === null || start > latest_event ? latest_event : start;
      const url = new URL(URLExt.join(settings.wsUrl, API_PATH, 'events'));
      url.searchParams.set('start', String(from));
      if (settings.appendToken && settings.token !== '') {
        url.searchParams.set('token', settings.token);
      }
      return new settings.WebSocket(url.toString());
    });
    return { client, events, runs: new RunStore(client, events) };
  }
};
