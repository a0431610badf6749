import { LabIcon } from '@jupyterlab/ui-components';

const svg = (body: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">${body}</svg>`;

/** Three steps on one line, one of them branching off. */
export const pipelineIcon = new LabIcon({
  name: 'labline:pipeline',
  svgstr: svg(
    '<g class="jp-icon3" style="fill:none" stroke="#616161" stroke-width="2" stroke-linecap="round">' +
      '<path d="M6 7.5v9M6 11c0 4 12 0 12 5.5"/></g>' +
      '<g class="jp-icon3" fill="#616161"><circle cx="6" cy="5" r="3"/><circle cx="6" cy="19" r="3"/>' +
      '<circle cx="18" cy="19" r="3"/></g>'
  )
});

/** A label. */
export const stepIcon = new LabIcon({
  name: 'labline:step',
  svgstr: svg(
    '<path class="jp-icon3" fill="#616161" d="M3 5h11.2c.6 0 1.2.3 1.6.8L21 12l-5.2 6.2c-.4.5-1 .8-1.6.8H3zm4 ' +
      '5.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z"/>'
  )
});

/** A shield with a tick. */
export const sealIcon = new LabIcon({
  name: 'labline:seal',
  svgstr: svg(
    '<g class="jp-icon3" style="fill:none" stroke="#616161" stroke-width="2" stroke-linecap="round" ' +
      'stroke-linejoin="round"><path d="M12 2l8.4 3v6.6c0 5-3.5 8.8-8.4 10.4-4.9-1.6-8.4-5.4-8.4-10.4V5z"/>' +
      '<path d="M8 12l3 3 5-6"/></g>'
  )
});

/** A list of runs. */
export const runsIcon = new LabIcon({
  name: 'labline:runs',
  svgstr: svg(
    '<path class="jp-icon3" fill="#616161" d="M3 4l6 3.5L3 11zM11 6h10v3H11zM3 13h18v3H3zM3 18h18v3H3z"/>'
  )
});

/** A box with a lid: something packed. */
export const modelsIcon = new LabIcon({
  name: 'labline:models',
  svgstr: svg(
    '<g class="jp-icon3" style="fill:none" stroke="#616161" stroke-width="2" stroke-linejoin="round">' +
      '<path d="M12 2.5l8.5 4.7v9.6L12 21.5l-8.5-4.7V7.2z"/><path d="M3.5 7.2L12 12l8.5-4.8M12 12v9.5"/></g>'
  )
});

/** A socket with two waves going out: something that answers. */
export const endpointsIcon = new LabIcon({
  name: 'labline:endpoints',
  svgstr: svg(
    '<g class="jp-icon3" style="fill:none" stroke="#616161" stroke-width="2" stroke-linecap="round">' +
      '<path d="M8.5 8.5a5 5 0 0 0 0 7M15.5 8.5a5 5 0 0 1 0 7M5.5 5.5a9.2 9.2 0 0 0 0 13M18.5 5.5a9.2 9.2 0 0 1 0 13"/></g>' +
      '<circle class="jp-icon3" fill="#616161" cx="12" cy="12" r="2"/>'
  )
});
