import React, { useEffect, useState } from 'react';

import type { LablineClient } from '../api/client';
import { type Schedule } from '../api/recurring';
import { LOCAL, type Target } from '../api/targets';
import { type Parameter } from '../api/types';
import { formatMoment } from '../model/format';
import {
  scheduleFaults,
  toCron,
  toTiming,
  WEEKDAYS,
  type Repeat,
  type ScheduleFields
} from '../model/schedule';
import { useFields, type FormProps } from '../ui/ask';
import { CheckField, Choice, TextField, TimeField } from '../ui/fields';
import { Parameters } from './Parameters';

/** Milliseconds after a key before the server is asked what the fields mean. */
const TYPED = 250;

const REPEATS: readonly (readonly [Repeat, string])[] = [
  ['hour', 'every hour'],
  ['day', 'every day'],
  ['weekdays', 'Monday to Friday'],
  ['week', 'every week'],
  ['month', 'every month'],
  ['interval', 'after so much time'],
  ['cron', 'by a cron expression']
];

const UNITS = [
  ['1', 'seconds'],
  ['60', 'minutes'],
  ['3600', 'hours'],
  ['86400', 'days']
] as const;

export interface ScheduleFormOptions {
  client: LablineClient;
  targets: readonly Target[];
  /** What it is called where nothing is typed. */
  pipeline: string;
  parameters: readonly Parameter[];
  /** Whether there is one already, whose target, notebook and use of the cache stay. */
  isEdited?: boolean;
}

/** What is chosen: the fields as they are typed, and the parameters that are not as by default. */
export interface ScheduleChoice {
  fields: ScheduleFields;
  overrides: ReadonlyMap<string, string>;
}

/** Asks when a notebook is to run again and again. */
export function ScheduleForm(props: ScheduleFormOptions & FormProps<ScheduleChoice>): React.JSX.Element {
  const { client, targets, pipeline, parameters, isEdited } = props;
  const [{ fields, overrides }, choose] = useFields(props);
  const faults = scheduleFaults(fields);
  const set = (change: Partial<ScheduleFields>) => choose({ fields: { ...fields, ...change } });
  const override = (name: string, literal: string | null) => {
    const next = new Map(overrides);
    if (literal === null) {
      next.delete(name);
    } else {
      next.set(name, literal);
    }
    choose({ overrides: next });
  };
  return (
    <>
      <fieldset>
        <legend>When</legend>
        <When fields={fields} set={set} />
        {fields.repeat !== 'interval' && fields.target === LOCAL && (
          <TextField
            name="zone"
            label="Time zone"
            unit=""
            hint="Europe/Berlin"
            wide
            proposals={Intl.supportedValuesOf('timeZone')}
            value={fields.zone}
            fault={faults.zone}
            onChange={zone => set({ zone })}
          />
        )}
        <Foreseen client={client} fields={fields} />
      </fieldset>
      <fieldset>
        <legend>What</legend>
        {!isEdited && targets.length > 1 && (
          <Choice
            name="target"
            label="On"
            value={fields.target}
            choices={targets.map(({ name }) => [name, name === LOCAL ? 'this machine' : name])}
            onChange={target => set({ target })}
          />
        )}
        <TextField
          name="name"
          label="Name"
          unit=""
          hint={pipeline}
          wide
          value={fields.name}
          onChange={name => set({ name })}
        />
        {parameters.length > 0 && (
          <div className="labline-Field">
            <span className="labline-Field-title">Parameters</span>
            <Parameters parameters={parameters} overrides={overrides} onChange={override} />
          </div>
        )}
      </fieldset>
      <fieldset>
        <legend>How</legend>
        {!isEdited && (
          <CheckField name="cache" checked={fields.cache} onChange={cache => set({ cache })}>
            Use cache
          </CheckField>
        )}
        <CheckField name="catch-up" checked={fields.catchUp} onChange={catchUp => set({ catchUp })}>
          Make up for every run that was missed, not only for the last one
        </CheckField>
        <TextField
          name="at-most"
          label="At most"
          unit={fields.atMost.trim() === '1' ? 'run at a time; the next one waits' : 'runs at a time'}
          hint="1"
          value={fields.atMost}
          fault={faults.atMost}
          onChange={atMost => set({ atMost })}
        />
      </fieldset>
      <p className="labline-Form-note">{noteOf(fields.target, isEdited ?? false)}</p>
    </>
  );
}

function noteOf(target: string, isEdited: boolean): string {
  if (isEdited) {
    const how =
      target === LOCAL ? '' : ` ${target} gets a new one in its place, and then the old one is removed.`;
    return `Goes on running the notebook as it stood when this was made.${how}`;
  }
  return target === LOCAL
    ? 'Runs the notebook as it stands now, whatever becomes of it later, while this server runs.'
    : `Runs the notebook as it stands now, whatever becomes of it later; ${target} begins the runs by itself.`;
}

interface WhenProps {
  fields: ScheduleFields;
  set: (change: Partial<ScheduleFields>) => void;
}

/** How often, and the fields that go with it. */
function When({ fields, set }: WhenProps): React.JSX.Element {
  const faults = scheduleFaults(fields);
  const { repeat } = fields;
  const repeatAs = (next: Repeat) =>
    // Who turns to cron goes on from what was chosen before.
    set(next === 'cron' && repeat !== 'interval' ? { repeat: next, cron: toCron(fields) } : { repeat: next });
  return (
    <>
      <Choice
        name="repeat"
        label="Repeat"
        value={repeat}
        choices={REPEATS}
        onChange={next => repeatAs(next as Repeat)}
      />
      {repeat === 'hour' && (
        <TextField
          name="minute"
          label="At minute"
          unit="of the hour"
          hint="0"
          value={fields.minute}
          fault={faults.minute}
          onChange={minute => set({ minute })}
        />
      )}
      {repeat === 'week' && (
        <Choice
          name="weekday"
          label="On"
          value={fields.weekday}
          choices={[1, 2, 3, 4, 5, 6, 0].map(day => [String(day), WEEKDAYS[day]])}
          onChange={weekday => set({ weekday })}
        />
      )}
      {repeat === 'month' && (
        <TextField
          name="day"
          label="On day"
          unit="of the month; months without it are left out"
          hint="1"
          value={fields.day}
          fault={faults.day}
          onChange={day => set({ day })}
        />
      )}
      {['day', 'weekdays', 'week', 'month'].includes(repeat) && (
        <TimeField
          name="time"
          label="At"
          value={fields.time}
          fault={faults.time}
          onChange={time => set({ time })}
        />
      )}
      {repeat === 'interval' && (
        <>
          <TextField
            name="every"
            label="Every"
            unit=""
            hint="6"
            value={fields.every}
            fault={faults.every}
            onChange={every => set({ every })}
          />
          <Choice
            name="unit"
            label="Unit"
            value={fields.unit}
            choices={UNITS}
            onChange={unit => set({ unit })}
          />
        </>
      )}
      {repeat === 'cron' && (
        <TextField
          name="cron"
          label="Cron"
          unit="minute hour day month weekday"
          hint="0 3 * * *"
          wide
          value={fields.cron}
          fault={faults.cron}
          onChange={cron => set({ cron })}
        />
      )}
    </>
  );
}

/** What the fields mean, in words and in times, as the server says. */
function Foreseen({ client, fields }: { client: LablineClient; fields: ScheduleFields }): React.JSX.Element {
  const [schedule, setSchedule] = useState<Schedule | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const faulty = Object.keys(scheduleFaults(fields)).some(name => name !== 'atMost');
  const timing = faulty ? null : toTiming(fields);
  const asked = JSON.stringify([timing, fields.target]);
  useEffect(() => {
    if (timing === null) {
      setSchedule(null);
      setTrouble(null);
      return;
    }
    const abort = new AbortController();
    const ask = () =>
      client.readSchedule(timing, fields.target, abort.signal).then(
        found => {
          setSchedule(found);
          setTrouble(null);
        },
        (error: Error) => {
          if (!abort.signal.aborted) {
            setSchedule(null);
            setTrouble(error.message);
          }
        }
      );
    const timer = setTimeout(() => void ask(), schedule === null && trouble === null ? 0 : TYPED);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, asked]);
  const zone = schedule?.interval ? undefined : (schedule?.time_zone ?? 'UTC');
  return (
    <div className="labline-Foreseen" role="status" data-labline-schedule={trouble ? 'trouble' : ''}>
      {trouble && <p className="labline-Foreseen-trouble">{trouble}</p>}
      {schedule && (
        <>
          <p className="labline-Foreseen-reading">
            {schedule.reading}
            {schedule.interval === null && schedule.cron !== null && <code>{schedule.cron}</code>}
          </p>
          <ol aria-label="The next three runs">
            {schedule.next.map(moment => (
              <li key={moment}>
                <time dateTime={new Date(moment * 1000).toISOString()}>{formatMoment(moment, zone)}</time>
              </li>
            ))}
          </ol>
          {schedule.interval === null && schedule.time_zone === null && (
            <p className="labline-Foreseen-note">
              By the clock of {fields.target}: UTC, unless it was changed there.
            </p>
          )}
        </>
      )}
    </div>
  );
}
