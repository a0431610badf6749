import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { chipsPlugin } from './plugins/chips';
import { debugPlugin } from './plugins/debug';
import { endpointsPlugin } from './plugins/endpoints';
import { inspectorPlugin } from './plugins/inspector';
import { modelsPlugin } from './plugins/models';
import { notebooksPlugin } from './plugins/notebooks';
import { panelPlugin } from './plugins/panel';
import { recurringPlugin } from './plugins/recurring';
import { runningPlugin } from './plugins/running';
import { runsPlugin } from './plugins/runs';
import { servePlugin } from './plugins/serve';
import { serverPlugin } from './plugins/server';
import { stepsPlugin } from './plugins/steps';
import { targetsPlugin } from './plugins/targets';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  serverPlugin,
  notebooksPlugin,
  chipsPlugin,
  stepsPlugin,
  panelPlugin,
  runningPlugin,
  runsPlugin,
  modelsPlugin,
  endpointsPlugin,
  servePlugin,
  recurringPlugin,
  targetsPlugin,
  debugPlugin,
  inspectorPlugin
];

export default plugins;
