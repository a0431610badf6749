import type { LablineClient } from '../api/client';
import type { RecurringRun } from '../api/recurring';
import { fieldsOf, givenParameters, scheduleFaults, toChange } from '../model/schedule';
import { ScheduleForm } from '../panel/ScheduleForm';
import { ask } from '../ui/ask';

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
  await ask(
    {
      title: `Edit ${found.name}`,
      button: 'Save',
      Form: ScheduleForm,
      props: options,
      first: { fields: before, overrides: new Map<string, string>() },
      faults: ({ fields }) => scheduleFaults(fields),
      focus: 'select'
    },
    async ({ fields, overrides }) => {
      const change = toChange(before, fields, overrides);
      if (Object.keys(change).length > 0) {
        await client.changeRecurringRun(found, change);
      }
    }
  );
}
