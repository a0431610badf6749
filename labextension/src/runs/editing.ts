import { Dialog, showDialog } from '@jupyterlab/apputils';

import type { LablineClient } from '../api/client';
import type { RecurringRun } from '../api/types';
import { fieldsOf, givenParameters, scheduleFaults, toChange } from '../model/schedule';
import { ScheduleForm, type ScheduleChoice } from '../panel/ScheduleForm';

/** Ask what is to be another of a recurring run, until the server takes it or the user gives up. */
export async function editRecurring(client: LablineClient, found: RecurringRun): Promise<void> {
  const before = fieldsOf(found);
  const isKnown = found.notebook !== null; // else nobody here knows what its parameters may be
  const options = {
    client,
    targets: [],
    pipeline: found.name,
    parameters: isKnown ? givenParameters(found) : [],
    isEdited: true
  };
  let choice: ScheduleChoice = { fields: before, overrides: new Map() };
  let problem: string | null = null;
  for (;;) {
    const isFaulty = Object.keys(scheduleFaults(choice.fields)).length > 0;
    const { button, value } = await showDialog({
      title: `Edit ${found.name}`,
      body: new ScheduleForm(options, choice, problem),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: 'Save' })],
      focusNodeSelector: isFaulty ? '[aria-invalid=true]' : 'select'
    });
    if (!button.accept || value === null) {
      return;
    }
    choice = value;
    problem = null;
    if (Object.keys(scheduleFaults(choice.fields)).length === 0) {
      const change = toChange(before, choice.fields, choice.overrides);
      if (Object.keys(change).length === 0) {
        return;
      }
      try {
        await client.changeRecurringRun(found, change);
        return;
      } catch (error) {
        problem = (error as Error).message;
      }
    }
  }
}
